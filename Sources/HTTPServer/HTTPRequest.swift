/// A request that has passed the gate.
package struct HTTPRequest: Sendable {
    package var method: String
    /// Decoded segments of the path: "/v1/videos/x" is ["v1", "videos", "x"], "/" is empty.
    package var path: [String]
    /// Decoded, in order.
    package var query: [(name: String, value: String)]
    package var headers: HTTPHeaders
    package var body: [UInt8]
    /// Random; its answer carries it as `x-request-id`.
    package var id: String
    /// The numeric address that it came from.
    package var peer = ""
    /// The other web site that sent it, one of those that may; the answer lets its pages read it.
    package var origin: String?
    /// Whether the client has gone meanwhile: nobody will read the answer.
    package var isAbandoned: @Sendable () -> Bool = { false }

    package init(
        method: String, path: [String], query: [(name: String, value: String)] = [],
        headers: HTTPHeaders = HTTPHeaders(), body: [UInt8] = [], id: String = ""
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.headers = headers
        self.body = body
        self.id = id
    }
}
