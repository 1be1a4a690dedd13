import Glibc
import HTTPClient
import StrictJSON
import VideoTypes

/// What a server's refusal means, by status and code.
struct RemoteRefusal {
    let status: Int
    let code: String
    /// Clipped, fit for a line; not the server's own where it could hold the key.
    let message: String
    let parameter: String?
    let retryAfterSeconds: Double?

    private static let longestRetrySeconds = 86_400.0

    init(_ answer: HTTPAnswer, key: CloudKey?) {
        status = answer.status
        let fields = (try? JSONValue(answer.body)).flatMap { try? JSONFields($0) }
        let error = fields.flatMap { try? $0.fields("error") }
        code = error.flatMap { try? $0.string("code") }?.printable ?? ""
        let said = error.flatMap { try? $0.string("message") }
        if let said, key?.isIn(said) != true {
            message = said.printable
        } else {
            message = "the server answered \(answer.status)"
        }
        parameter = error.flatMap { try? $0.string("param") }?.printable
        retryAfterSeconds = Self.retryAfter(answer)
    }

    var providerError: ProviderError {
        if Self.isPolicy(code) { return .contentPolicy(message) }
        if code == "idempotency_key_reused" { return .idInUse }
        switch status {
        case 401, 403: return .authentication("the server refuses the key")
        case 402: return .quota(retryAfterSeconds: retryAfterSeconds)
        case 408, 504: return .timeout("the server gave up: \(message)")
        case 429:
            return Self.quotaCodes.contains(code)
                ? .quota(retryAfterSeconds: retryAfterSeconds) : .capacity(retryAfterSeconds: retryAfterSeconds)
        case 503, 529: return .capacity(retryAfterSeconds: retryAfterSeconds)
        case 400...499: return .badRequest(message, parameter: parameter)
        case 300...399: return .server("the server sends elsewhere: its address is wrong")
        default: return .server(message)
        }
    }

    private static let quotaCodes: Set<String> = [
        "insufficient_quota", "quota_exceeded", "billing_hard_limit_reached", "rate_limit_exceeded",
    ]

    static func isPolicy(_ code: String) -> Bool {
        ["content_policy", "moderation", "safety", "content_filter"].contains { code.contains($0) }
    }

    /// Seconds, milliseconds or a date.
    static func retryAfter(_ answer: HTTPAnswer) -> Double? {
        var seconds: Double?
        if let text = answer["retry-after-ms"], let value = Double(text) {
            seconds = value / 1000
        } else if let text = answer["retry-after"] {
            seconds = Double(text)
            if seconds == nil, let date = HTTPDate.seconds(text) { seconds = Double(date - time(nil)) }
        }
        guard let seconds, seconds.isFinite else { return nil }
        return min(max(seconds, 0), longestRetrySeconds)
    }
}

extension HTTPClientError {
    var providerError: ProviderError {
        switch self {
        case .cancelled: .cancelled
        case .timedOut: .timeout(message)
        case .answerTooLarge: .corruptOutput(message)
        case .libraryMissing, .fileFailed: .local(message)
        case .invalidCall, .forbiddenDestination: .badRequest(message, parameter: nil)
        case .unreachable, .interrupted: .transport(message)
        }
    }
}
