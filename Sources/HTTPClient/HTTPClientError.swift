import Distributions

/// Why a call brought no whole answer; holds no text from outside and no key.
package enum HTTPClientError: Error, Sendable, Hashable {
    case libraryMissing(name: String, reason: String)
    /// The call itself cannot be sent: the reason.
    case invalidCall(String)
    /// The address is one that must not be called: the reason.
    case forbiddenDestination(String)
    /// Nothing was sent: no such name, no connection, or the peer proved not to be who it should.
    case unreachable(String)
    /// Nothing more came within the time allowed.
    case timedOut(mayHaveBeenSent: Bool)
    /// The connection broke after something may have been sent.
    case interrupted(String)
    case answerTooLarge(limit: Int)
    case fileFailed(action: String, status: Int32)
    case cancelled
}

extension HTTPClientError {
    /// For people.
    package var message: String {
        switch self {
        case .libraryMissing(let name, let reason): "\(name) cannot be opened: \(reason)"
        case .invalidCall(let reason): "the call cannot be sent: \(reason)"
        case .forbiddenDestination(let reason): "the address may not be called: \(reason)"
        case .unreachable(let reason): "no connection: \(reason)"
        case .timedOut: "no answer in time"
        case .interrupted(let reason): "the connection broke: \(reason)"
        case .answerTooLarge(let limit): "the answer is larger than \(limit) bytes"
        case .fileFailed(let action, let status): "cannot \(action) the file: \(SystemError.text(status))"
        case .cancelled: "cancelled"
        }
    }

    /// What to do about it.
    package var hint: String? {
        if case .libraryMissing(let name, _) = self { Distribution.remedy(for: name) } else { nil }
    }

    /// Whether the server may have got the call.
    package var mayHaveBeenSent: Bool {
        switch self {
        case .libraryMissing, .invalidCall, .forbiddenDestination, .unreachable: false
        case .timedOut(let mayHaveBeenSent): mayHaveBeenSent
        case .interrupted, .answerTooLarge, .fileFailed, .cancelled: true
        }
    }
}
