/// What is answered.
package struct HTTPResponse: Sendable {
    package var status: Int
    package var headers: HTTPHeaders
    package var body: Body
    /// Whether the connection ends with this answer.
    package var closes = false

    package enum Body: Sendable {
        case bytes([UInt8])
        /// The server reads it, answers ranges, HEAD and conditions, and closes it.
        case file(HTTPFile)
        /// Called again and again on the connection's own thread, where it may wait; nil ends the stream, an empty
        /// piece is a turn without news. It must come back within a second so that the server can stop.
        case stream(@Sendable () -> [UInt8]?)
    }

    package init(status: Int, headers: HTTPHeaders = HTTPHeaders(), body: Body = .bytes([])) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// An open file to be sent.
package struct HTTPFile: Sendable {
    /// Owned by the response from now on.
    package let descriptor: Int32
    package let byteCount: Int
    package let mediaType: String
    /// Without quotes.
    package let entityTag: String

    package init(descriptor: Int32, byteCount: Int, mediaType: String, entityTag: String) {
        self.descriptor = descriptor
        self.byteCount = byteCount
        self.mediaType = mediaType
        self.entityTag = entityTag
    }
}
