import JobStore

/// What can be asked of the service.
enum Route: Equatable {
    /// A file of the page for people: "/", "/start.css".
    case page(String)
    case health
    case ready
    case metrics
    /// How the router's providers stand.
    case router
    case models
    case model(String)
    case adapters
    case capabilities
    case list
    case create
    case createAndWait
    /// Parts of the API that this service has not: edits, extensions, characters.
    case unsupported(String)
    case retrieve(JobID)
    case delete(JobID)
    case content(JobID)
    case events(JobID)
    case cancel(JobID)
    case remix(JobID)

    /// Words that stand where an id could.
    private static let reserved: Set<String> = ["edits", "extensions", "characters"]

    init(method: String, path: [String]) throws(APIError) {
        let method = method == "HEAD" ? "GET" : method
        let choices = try Self.choices(path)
        guard let route = choices.first(where: { $0.method == method })?.route else {
            let allowed = choices.map(\.method).joined(separator: " or ")
            throw APIError(405, "method_not_allowed", "this address takes \(allowed)")
        }
        self = route
    }

    private static func choices(_ path: [String]) throws(APIError) -> [(method: String, route: Route)] {
        switch path {
        case []: return [("GET", .page("/"))]
        case ["health"], ["livez"]: return [("GET", .health)]
        case ["ready"]: return [("GET", .ready)]
        case ["metrics"]: return [("GET", .metrics)]
        default: break
        }
        if path.count == 1, StartPage.files["/" + path[0]] != nil { return [("GET", .page("/" + path[0]))] }
        guard path.first == "v1", path.count >= 2 else { throw .notFound }
        switch (path[1], path.count) {
        case ("router", 2): return [("GET", .router)]
        case ("models", 2): return [("GET", .models)]
        case ("models", 3): return [("GET", .model(path[2]))]
        case ("loras", 2): return [("GET", .adapters)]
        case ("capabilities", 2): return [("GET", .capabilities)]
        case ("videos", _): return try videoChoices(Array(path.dropFirst(2)))
        default: throw .notFound
        }
    }

    private static func videoChoices(_ path: [String]) throws(APIError) -> [(method: String, route: Route)] {
        guard let first = path.first else { return [("GET", .list), ("POST", .create)] }
        if first == "sync", path.count == 1 { return [("POST", .createAndWait)] }
        if reserved.contains(first) {
            guard path.count <= 2 else { throw .notFound }
            return path.count == 1 ? [("POST", .unsupported(first))] : [("GET", .unsupported(first))]
        }
        guard path.count <= 2 else { throw .notFound }
        guard let id = JobID(first) else { throw .noSuchVideo }
        switch path.dropFirst().first {
        case nil: return [("GET", .retrieve(id)), ("DELETE", .delete(id))]
        case "content": return [("GET", .content(id))]
        case "events": return [("GET", .events(id))]
        case "cancel": return [("POST", .cancel(id))]
        case "remix": return [("POST", .remix(id))]
        default: throw .notFound
        }
    }

    /// Answered without a key: what says nothing about anybody's clips.
    var isPublic: Bool {
        switch self {
        case .page, .health, .ready: true
        default: false
        }
    }

    /// The address without its ids: the label of the metrics.
    var label: String {
        switch self {
        case .page(let path): path
        case .health: "/health"
        case .ready: "/ready"
        case .metrics: "/metrics"
        case .router: "/v1/router"
        case .models: "/v1/models"
        case .model: "/v1/models/{id}"
        case .adapters: "/v1/loras"
        case .capabilities: "/v1/capabilities"
        case .list, .create: "/v1/videos"
        case .createAndWait: "/v1/videos/sync"
        case .unsupported(let name): "/v1/videos/" + name
        case .retrieve, .delete: "/v1/videos/{id}"
        case .content: "/v1/videos/{id}/content"
        case .events: "/v1/videos/{id}/events"
        case .cancel: "/v1/videos/{id}/cancel"
        case .remix: "/v1/videos/{id}/remix"
        }
    }
}
