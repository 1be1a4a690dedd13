/// What is answered.
package struct HTTPResponse: Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    package var body: Body
    /// Whether the connection ends with this answer.
    package var closes = false

    package enum Body: Sendable {
        case bytes([UInt8])
        /// The server reads it and answers ranges, HEAD and conditions.
        case file(HTTPFile)
        /// Called again and again on the connection's own thread, where it may wait; nil ends the stream, an empty
        /// piece is a turn without news. It must come back within a second so that the server can stop. It is let go
        /// when the stream is over, however it ends: at its own end, when the client goes, when the server stops.
        case stream(@Sendable () -> [UInt8]?)
    }

    package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}
