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
            return try SHA256.hexOfFile(descriptor: descriptor, goesOn: goesOn)
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
