import HTTPServer
import JobStore
import VideoTypes

/// Answers requests: who asks, what for, and how it is written down.
struct ServiceHandler: HTTPHandler {
    let keys: CurrentKeys
    let videos: VideoRoutes
    let service: ServiceRoutes
    let metrics: MetricBook
    let log: ServiceLog
    let clock: ServiceClock

    func refusal(of head: HTTPRequest) -> HTTPResponse? {
        if Self.preflight(head) != nil { return nil }
        do throws(APIError) {
            _ = try admitted(head)
            return nil
        } catch {
            return finished(failed(error, head, nil), head, route: nil, owner: nil, startedAt: clock.steady())
        }
    }

    /// What somebody hears of an error; where it is our own, the log hears its cause.
    private func failed(_ error: APIError, _ request: HTTPRequest, _ route: Route?) -> HTTPResponse {
        if let cause = error.cause {
            log.failure([
                ("request", .string(request.id)), ("route", .string(route?.label ?? "unknown")),
                ("status", .integer(error.status)), ("code", .string(error.code)), ("cause", .string(cause)),
            ])
        }
        return AnswerWriter.error(error)
    }

    /// Called only for those who have a key.
    func party(of head: HTTPRequest) -> String? { (try? owner(of: head))?.name }

    func respond(to request: HTTPRequest) -> HTTPResponse {
        let startedAt = clock.steady()
        var route: Route?
        var owner: String?
        var response: HTTPResponse
        if let preflight = Self.preflight(request) {
            return finished(preflight, request, route: nil, owner: nil, startedAt: startedAt)
        }
        do throws(APIError) {
            let admitted = try admitted(request)
            route = admitted.route
            owner = admitted.owner.name
            response = try answer(admitted.route, request, owner: owner)
        } catch {
            response = failed(error, request, route)
        }
        return finished(response, request, route: route, owner: owner, startedAt: startedAt)
    }

    func refusal(status: Int, code: String, message: String) -> HTTPResponse {
        metrics.count(route: "refused", method: "other", status: status)
        log.request([("route", "refused"), ("status", .integer(status)), ("code", .string(code))])
        let hints = ["host_not_allowed": "--host-names", "origin_not_allowed": "--origins"]
        let hint = hints[code].map { "; its owner may allow it with \($0)" } ?? ""
        return AnswerWriter.error(APIError(status, code, message + hint))
    }

    /// What a browser asks before it lets a page of another site ask; it never shows a key.
    private static func preflight(_ request: HTTPRequest) -> HTTPResponse? {
        guard request.method == "OPTIONS", request.origin != nil,
            request.headers["access-control-request-method"] != nil
        else { return nil }
        let fields =
            ["authorization", "content-type", "idempotency-key", "last-event-id", "prefer", "range", "traceparent"]
            + clientFields(request)
        var headers = HTTPHeaders([
            ("Access-Control-Allow-Methods", "GET, HEAD, POST, DELETE"),
            ("Access-Control-Allow-Headers", fields.joined(separator: ", ")), ("Access-Control-Max-Age", "600"),
        ])
        if request.headers["access-control-request-private-network"] == "true" {
            headers.add("Access-Control-Allow-Private-Network", "true")
        }
        return HTTPResponse(status: 204, headers: headers)
    }

    /// What OpenAI's client tells of itself, which nobody reads; in a browser it gives up where that is not allowed.
    private static func clientFields(_ request: HTTPRequest) -> [String] {
        let wanted = request.headers["access-control-request-headers"]?.lowercased() ?? ""
        return wanted.split { $0 == "," || $0 == " " }.map(String.init).filter { name in
            let isPlain = name.utf8.allSatisfy { (97...122).contains($0) || $0 == UInt8(ascii: "-") }
            return isPlain && (name == "user-agent" || name.hasPrefix("x-stainless-") || name.hasPrefix("openai-"))
        }
    }

    /// Keys go before addresses: who has none learns nothing of what is there.
    private func admitted(_ request: HTTPRequest) throws(APIError) -> (route: Route, owner: KeyRing.Owner) {
        let route: Result<Route, APIError>
        do throws(APIError) {
            route = .success(try Route(method: request.method, path: request.path))
        } catch {
            route = .failure(error)
        }
        if case .success(let route) = route, route.isPublic { return (route, KeyRing.Owner(name: nil)) }
        let owner = try owner(of: request)
        return (try route.get(), owner)
    }

    private func owner(of request: HTTPRequest) throws(APIError) -> KeyRing.Owner {
        do throws(VideoError) {
            if let owner = try keys.owner(authorization: request.headers["authorization"]) { return owner }
        } catch {
            throw .serviceFailed(error.message)
        }
        throw .keyMissing
    }

    private func answer(_ route: Route, _ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        switch route {
        case .page(let path): try StartPage.answer(path)
        case .health: AnswerWriter.json(.object([("status", "ok")]))
        case .ready: service.ready()
        case .metrics: service.metricsPage()
        case .router: try service.router()
        case .models: service.models()
        case .adapters: service.adapters()
        case .model(let name): try service.model(name)
        case .capabilities: try service.capabilities(request, owner: owner)
        case .list: try videos.list(request, owner: owner)
        case .create: try videos.create(request, owner: owner)
        case .createAndWait: try videos.createAndWait(request, owner: owner)
        case .unsupported(let name): throw VideoRoutes.unsupported(name)
        case .retrieve(let id): try videos.retrieve(id, request, owner: owner)
        case .delete(let id): try videos.delete(id, owner: owner)
        case .content(let id): try videos.content(id, request, owner: owner)
        case .events(let id): try videos.events(id, request, owner: owner)
        case .cancel(let id): try videos.cancel(id, owner: owner)
        case .remix(let id): try videos.remix(id, request, owner: owner)
        }
    }

    private func finished(
        _ response: HTTPResponse, _ request: HTTPRequest, route: Route?, owner: String?, startedAt: Double
    ) -> HTTPResponse {
        var response = response
        let milliseconds = Int(max((clock.steady() - startedAt) * 1000, 0))
        response.headers.add("openai-processing-ms", "\(milliseconds)")
        let label = route?.label ?? "unknown"
        metrics.count(route: label, method: request.method, status: response.status)
        log.request([
            ("request", .string(request.id)), ("method", .string(request.method.clipped)), ("route", .string(label)),
            ("status", .integer(response.status)), ("ms", .integer(milliseconds)),
            ("key", owner.map(JSONText.string) ?? .null),
            ("trace", TraceParent.checked(request.headers["traceparent"]).map(JSONText.string) ?? .null),
        ])
        return response
    }
}

/// The header by which a request is followed through several services; only ever written down.
enum TraceParent {
    static func checked(_ header: String?) -> String? {
        guard let header, header.utf8.count == 55 else { return nil }
        let widths = header.split(separator: "-", omittingEmptySubsequences: false).map(\.utf8.count)
        let isPlain = header.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) || $0 == 45 }
        return widths == [2, 32, 16, 2] && isPlain ? header : nil
    }
}
