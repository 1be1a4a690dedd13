import HTTPClient
import StrictJSON
import VideoTypes

/// What a refusal means by its status, where a cloud's own words say nothing else.
struct CloudRefusal {
    var status: Int
    var message: String
    var code = ""
    var parameter: String?
    var retryAfterSeconds: Double?

    /// Without money another try is of no use for a while.
    static let moneyPauseSeconds = 3600.0

    init(_ answer: CloudAnswer, message: String? = nil, code: String? = nil, parameter: String? = nil) {
        status = answer.status
        let said = message ?? Self.said(answer)
        self.message = said?.printable ?? "the cloud answered \(answer.status)"
        self.code = code?.printable ?? ""
        self.parameter = parameter?.printable
        retryAfterSeconds = answer.retryAfterSeconds
    }

    /// Wherever clouds usually put it.
    private static func said(_ answer: CloudAnswer) -> String? {
        answer.text("error", "message") ?? answer.text("detail") ?? answer.text("message") ?? answer.text("error")
            ?? answer.text("title")
    }

    var providerError: ProviderError {
        if Self.isPolicy(code) { return .contentPolicy(message) }
        switch status {
        case 401, 403: return .authentication("the cloud refuses the key")
        case 402: return .quota(retryAfterSeconds: retryAfterSeconds ?? Self.moneyPauseSeconds)
        case 408, 504: return .timeout("the cloud gave up: \(message)")
        case 429: return .quota(retryAfterSeconds: retryAfterSeconds)
        case 503, 529: return .capacity(retryAfterSeconds: retryAfterSeconds)
        case 404, 410: return .badRequest(message, parameter: parameter ?? "model")
        case 400...499: return .badRequest(message, parameter: parameter)
        case 300...399: return .server("the cloud sends elsewhere: its address is wrong")
        default: return .server(message)
        }
    }

    static func isPolicy(_ code: String) -> Bool {
        let code = code.lowercased()
        return ["content_policy", "moderat", "safety", "content_filter", "sensitive"].contains { code.contains($0) }
    }
}
