import Files
import Glibc
import StrictJSON
import Synchronization
package import VideoTypes

/// A file that every decision is added to, one line of JSON each: who was asked, what they said, what came of it.
///
/// Prompts are in it only as their SHA-256.
public final class DecisionLog: Sendable {
    private let descriptor: Int32
    /// Whether the last line has no end.
    private let isTorn: Mutex<Bool>

    /// Opens the file for adding; makes it where there is none, for the owner alone.
    public init(path: String) throws(RouterError) {
        descriptor = unsafe open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0o600)
        guard descriptor >= 0 else {
            throw RouterError(.configuration, "cannot open the decision log \(path): \(SystemError.text(errno))")
        }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
            close(descriptor)
            throw RouterError(.configuration, "the decision log \(path) is no ordinary file")
        }
        var (first, last) = (UInt8(ascii: "{"), UInt8(ascii: "\n"))
        if status.st_size > 0 {
            unsafe pread(descriptor, &first, 1, 0)
            unsafe pread(descriptor, &last, 1, status.st_size - 1)
        }
        guard first == UInt8(ascii: "{") else {
            close(descriptor)
            throw RouterError(.configuration, "\(path) holds something else than decisions; nothing was added to it")
        }
        isTorn = Mutex(last != 0x0A)
    }

    deinit { close(descriptor) }

    private static let tailBytes = 1 << 20

    /// The last decisions, the newest first.
    package func last(_ count: Int) -> [JSONText] {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return [] }
        var bytes = [UInt8](repeating: 0, count: min(status.st_size, Self.tailBytes))
        let read = unsafe pread(descriptor, &bytes, bytes.count, status.st_size - bytes.count)
        // The first may have lost its beginning; what is torn is no JSON.
        return bytes.prefix(max(read, 0)).split(separator: 0x0A).suffix(count).reversed()
            .compactMap { line in (try? JSONValue(Array(line))).map(JSONText.init) }
    }

    /// Adds a line; false where the disk does not take it.
    @discardableResult
    func append(_ record: JSONText) -> Bool {
        isTorn.withLock { isTorn in
            // One write a line: two processes may share the file.
            let bytes = Array(((isTorn ? "\n" : "") + "\(record)\n").utf8)
            let count = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            if count > 0 { isTorn = count < bytes.count }
            return count == bytes.count
        }
    }
}
