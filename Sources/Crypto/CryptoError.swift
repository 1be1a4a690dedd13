import Distributions
import Files
package import VideoTypes

/// Why something could not be hashed.
package enum CryptoError: Error, Sendable, Equatable {
    case libraryMissing(name: String, reason: String)
    case failed(call: String)
    /// A file could not be read.
    case notReadable(errno: Int32)
}

extension CryptoError: Reportable {
    package var videoError: VideoError {
        switch self {
        case .libraryMissing(let name, let reason):
            VideoError(
                .deviceUnavailable, "\(name) cannot be opened: \(reason)",
                hint: Wording(plain: Distribution.remedy(for: name)))
        case .failed(let call): VideoError(.internalError, "libcrypto's \(call) failed")
        case .notReadable(let errno):
            VideoError(.stateUnusable, "a file to be hashed cannot be read: \(SystemError.text(errno))")
        }
    }
}
