package import VideoTypes

/// Why a request has no clip, for programs and for people.
public struct RouterError: Error, Sendable, Hashable {
    public let code: Code
    /// Begins in lower case.
    public let message: String
    /// The field of the request that is wrong; nil where none is.
    public let parameter: String?
    /// What came of each provider.
    public let providers: [ProviderFinding]

    public init(_ code: Code, _ message: String, parameter: String? = nil, providers: [ProviderFinding] = []) {
        self.code = code
        self.message = message
        self.parameter = parameter
        self.providers = providers
    }
}

extension RouterError {
    /// Whose affair it is.
    public enum Code: String, Sendable, Hashable, CaseIterable {
        /// The router itself is set up wrongly.
        case configuration = "invalid_configuration"
        /// The request is wrong, or beyond what any provider makes.
        case badRequest = "bad_request"
        /// Refused for its content.
        case contentPolicy = "content_policy_violation"
        /// No provider is cheap enough.
        case budget = "budget_exceeded"
        /// No provider is fast enough, or the time has passed.
        case deadline = "deadline_exceeded"
        case cancelled = "cancelled"
        /// The providers are down, busy or failing.
        case noProviderAvailable = "no_provider_available"

        /// What a service answers.
        public var httpStatus: Int {
            switch self {
            case .configuration: 500
            case .badRequest, .contentPolicy: 400
            case .budget: 402
            case .deadline: 504
            case .cancelled: 499
            case .noProviderAvailable: 503
            }
        }
    }
}

extension RouterError {
    /// As the command and the service tell it.
    package var videoError: VideoError {
        let code: VideoError.Code =
            switch self.code {
            case .configuration, .badRequest: .invalidRequest
            case .contentPolicy: .contentPolicy
            case .budget: .budgetExceeded
            case .deadline: .deadlineExceeded
            case .cancelled: .cancelled
            case .noProviderAvailable: .noProvider
            }
        let text = parameter.map { message.contains($0) ? message : "\($0): \(message)" } ?? message
        return VideoError(code, plain: text, hint: nil)
    }
}
