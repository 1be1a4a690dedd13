import Glibc

/// What the system calls one of its errors.
package enum SystemError {
    /// "No such file or directory".
    package static func text(_ number: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 256)
        // Safe: strerror_r ends its text with a zero within the buffer.
        return unsafe buffer.withUnsafeMutableBufferPointer { buffer in
            guard let base = buffer.baseAddress, unsafe strerror_r(number, base, buffer.count) == 0 else {
                return "error \(number)"
            }
            return unsafe String(cString: base)
        }
    }
}
