/// What the server asks; called on the connections' own threads, many at once, where it may wait.
package protocol HTTPHandler: Sendable {
    /// Looks at a request whose body has not been read: an answer refuses it, nil lets the body come.
    func refusal(of head: HTTPRequest) -> HTTPResponse?

    /// Who shares the places for bodies with the others; nil where there is nobody to share with.
    func party(of head: HTTPRequest) -> String?

    func respond(to request: HTTPRequest) -> HTTPResponse

    /// How the gate's own refusals are written, and those of the library below.
    func refusal(status: Int, code: String, message: String) -> HTTPResponse
}

extension HTTPHandler {
    package func party(of head: HTTPRequest) -> String? { nil }
}
