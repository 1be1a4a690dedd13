/// Why a provider made no clip, by whose fault it was.
public enum ProviderError: Error, Sendable, Hashable {
    /// The request is wrong for this provider; `parameter` names the field.
    case badRequest(String, parameter: String?)
    /// Refused for its content.
    case contentPolicy(String)
    /// The key is missing, wrong or not allowed.
    case authentication(String)
    /// The account's limit is reached.
    case quota(retryAfterSeconds: Double?)
    /// The provider is busy.
    case capacity(retryAfterSeconds: Double?)
    /// No answer in time.
    case timeout(String)
    /// The connection failed.
    case transport(String)
    /// The provider failed.
    case server(String)
    /// The clip came but is none, or is not what was asked for.
    case corruptOutput(String)
    /// Whether the order arrived is not known: it may be worked on and charged, and must not be placed once more.
    case uncertain(String)
    /// This machine failed, not the provider: its disk, a library.
    case local(String)
    case cancelled
    /// The request's own time limit has passed.
    case deadline
    /// The request's own cost limit would be passed.
    case budget
}

extension ProviderError {
    /// A request that was changed and sent again under its old id.
    package static let idInUse = ProviderError.badRequest(
        "was used for another request; make a new VideoRequest", parameter: "id")

    /// How programs name the kind.
    public var name: String {
        switch self {
        case .badRequest: "bad_request"
        case .contentPolicy: "content_policy_violation"
        case .authentication: "authentication"
        case .quota: "quota"
        case .capacity: "capacity"
        case .timeout: "timeout"
        case .transport: "transport"
        case .server: "server_error"
        case .corruptOutput: "corrupt_output"
        case .uncertain: "outcome_unknown"
        case .local: "local_failure"
        case .cancelled: "cancelled"
        case .deadline: "deadline_exceeded"
        case .budget: "budget_exceeded"
        }
    }

    /// For people.
    public var message: String {
        switch self {
        case .badRequest(let text, let parameter): parameter.map { "\($0): \(text)" } ?? text
        case .contentPolicy(let text), .authentication(let text), .timeout(let text), .transport(let text),
            .server(let text), .corruptOutput(let text), .uncertain(let text), .local(let text):
            text
        case .quota: "the account's limit is reached"
        case .capacity: "the provider is busy"
        case .cancelled: "cancelled"
        case .deadline: "the time limit of the request has passed"
        case .budget: "the cost limit of the request does not allow it"
        }
    }

    /// Whether it says something about the provider rather than about the request.
    public var isProvidersFault: Bool {
        switch self {
        case .timeout, .transport, .server, .corruptOutput, .uncertain, .authentication: true
        default: false
        }
    }
}
