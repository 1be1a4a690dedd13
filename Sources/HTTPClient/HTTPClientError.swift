import Distributions
package import Files
package import VideoTypes

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
    case fileFailed(FileFailure)
    case cancelled
}

extension HTTPClientError: Reportable {
    package var videoError: VideoError {
        switch self {
        case .libraryMissing(let name, let reason):
            VideoError(
                .deviceUnavailable, "\(name) cannot be opened: \(reason)",
                hint: Wording(plain: Distribution.remedy(for: name)))
        case .invalidCall(let reason): .invalid("the call cannot be sent: \(reason)")
        case .forbiddenDestination(let reason): .invalid("the address may not be called: \(reason)")
        // Whose clip comes from elsewhere hears of these as a provider's error; no clip of this machine fails of them.
        case .unreachable(let reason): VideoError(.internalError, "no connection: \(reason)")
        case .timedOut: VideoError(.internalError, "no answer in time")
        case .interrupted(let reason): VideoError(.internalError, "the connection broke: \(reason)")
        case .answerTooLarge(let limit):
            VideoError(.internalError, "the answer is larger than \(limit) bytes")
        case .fileFailed(let failure):
            VideoError(
                failure.isFullDisk ? .diskFull : .outputFailed, "what comes cannot be written: \(failure)",
                hint: failure.isFullDisk ? "free some space" : nil)
        case .cancelled: VideoError(.cancelled, "cancelled")
        }
    }

    /// For people.
    package var message: String { videoError.message }

    /// Whether the server may have got the call.
    package var mayHaveBeenSent: Bool {
        switch self {
        case .libraryMissing, .invalidCall, .forbiddenDestination, .unreachable: false
        case .timedOut(let mayHaveBeenSent): mayHaveBeenSent
        case .interrupted, .answerTooLarge, .fileFailed, .cancelled: true
        }
    }
}
