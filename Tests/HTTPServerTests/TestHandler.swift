import Foundation
import HTTPServer
import Synchronization
import TestTools

/// Answers what the tests ask, and counts.
final class TestHandler: HTTPHandler {
    typealias Route = @Sendable (HTTPRequest) -> HTTPResponse

    private let routes: [String: Route]
    private let refuse: @Sendable (HTTPRequest) -> HTTPResponse?
    private let shared: @Sendable (HTTPRequest) -> String?
    private let count = Mutex(0)
    private let refusals = Mutex(0)
    private let last = Mutex<HTTPRequest?>(nil)

    init(
        refuse: @escaping @Sendable (HTTPRequest) -> HTTPResponse? = { _ in nil },
        party: @escaping @Sendable (HTTPRequest) -> String? = { _ in nil }, _ routes: [String: Route] = [:]
    ) {
        self.refuse = refuse
        shared = party
        self.routes = routes
    }

    /// Requests that came through the gate, whole.
    var answered: Int { count.withLock { $0 } }

    /// Requests that nobody but the gate or the library saw.
    var refused: Int { refusals.withLock { $0 } }

    var lastRequest: HTTPRequest? { last.withLock { $0 } }

    func refusal(of head: HTTPRequest) -> HTTPResponse? { refuse(head) }

    func party(of head: HTTPRequest) -> String? { shared(head) }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        count.withLock { $0 += 1 }
        last.withLock { $0 = request }
        let path = "/" + request.path.joined(separator: "/")
        if let route = routes[path] { return route(request) }
        switch path {
        case "/health": return Self.text("fine")
        case "/echo": return HTTPResponse(status: 200, body: .bytes(request.body))
        case "/form":
            do throws(MultipartError) {
                let form = try Multipart(request.body, contentType: request.headers["Content-Type"] ?? "")
                return Self.text(form.parts.map(\.name).joined(separator: ","))
            } catch {
                return refusal(status: 400, code: "bad_form", message: error.message)
            }
        default: return refusal(status: 404, code: "not_found", message: "nothing here")
        }
    }

    func refusal(status: Int, code: String, message: String) -> HTTPResponse {
        refusals.withLock { $0 += 1 }
        return HTTPResponse(
            status: status, headers: HTTPHeaders([("Content-Type", "text/plain")]), body: .bytes(Array(code.utf8)))
    }

    static func text(_ text: String) -> HTTPResponse {
        HTTPResponse(
            status: 200, headers: HTTPHeaders([("Content-Type", "text/plain")]), body: .bytes(Array(text.utf8)))
    }
}

extension HTTPServer {
    /// Asks for `/health` on a connection of its own.
    func isFine() throws -> Bool {
        let client = try RawClient(port: port)
        client.send("GET /health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return client.answer()?.text == "fine"
    }
}
