import Distributions

/// Why something could not be hashed.
package enum CryptoError: Error, Sendable, Equatable {
    case libraryMissing(name: String, reason: String)
    case failed(call: String)
    /// A file could not be read.
    case notReadable(errno: Int32)
}

extension CryptoError {
    /// For people.
    package var message: String {
        switch self {
        case .libraryMissing(let name, let reason): "\(name) cannot be opened: \(reason)"
        case .failed(let call): "libcrypto: \(call) failed"
        case .notReadable(let errno): "a file to be hashed cannot be read (error \(errno))"
        }
    }

    /// What to do about it.
    package var hint: String? {
        if case .libraryMissing(let name, _) = self { Distribution.remedy(for: name) } else { nil }
    }
}
