import Crypto
import Files
import Glibc

/// Digests of files of any size.
enum FileDigest {
    /// The SHA-256 of a whole open file as hexadecimal digits.
    ///
    /// - Parameter goesOn: told of every piece that was read; may end it.
    static func sha256(descriptor: Int32, path: String, goesOn: (_ bytes: Int) -> Bool) throws(HubError) -> String {
        do throws(CryptoError) {
            var hash = try SHA256()
            var buffer = [UInt8](repeating: 0, count: 1 << 20)
            var offset = 0
            while true {
                let count = unsafe pread(descriptor, &buffer, buffer.count, offset)
                if count < 0, errno == EINTR { continue }
                guard count >= 0 else { throw .notReadable(errno: errno) }
                if count == 0 { return SHA256.hexText(try hash.finish()) }
                try hash.update(buffer.prefix(count))
                offset += count
                guard goesOn(count) else { throw .notReadable(errno: ECANCELED) }
            }
        } catch {
            switch error {
            case .notReadable(ECANCELED): throw .cancelled
            case .notReadable(let number): throw .file(path: path, FileFailure("read", number))
            default: throw .failed(error.videoError)
            }
        }
    }

    /// The same of a file by its name, which may be behind a link.
    static func sha256(_ path: String, goesOn: (_ bytes: Int) -> Bool) throws(HubError) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .file(path: path, FileFailure("open")) }
        defer { close(descriptor) }
        return try sha256(descriptor: descriptor, path: path, goesOn: goesOn)
    }
}
