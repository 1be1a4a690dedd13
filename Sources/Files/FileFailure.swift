import Glibc

/// Why a file could not be read or written.
package struct FileFailure: Error, Hashable, Sendable, CustomStringConvertible {
    /// What was asked of the system.
    package let call: String
    package let number: Int32

    package init(_ call: String, _ number: Int32 = errno) {
        self.call = call
        self.number = number
    }

    /// Whether room on the disk, or of its user, is what was missing.
    package var isFullDisk: Bool { [ENOSPC, EDQUOT, EFBIG].contains(number) }

    package var description: String { "\(call) failed: \(SystemError.text(number))" }
}
