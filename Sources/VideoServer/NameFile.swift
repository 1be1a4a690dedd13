import Files
import Glibc
import VideoTypes

/// A small file that everybody may read.
enum NameFile {
    private static let maxBytes = 1 << 16

    static func text(_ path: String) throws(VideoError) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            let reason = SystemError.text(errno)
            throw .invalid("cannot read the names of hosts in \(path): \(reason)", hint: "make the file readable")
        }
        defer { close(descriptor) }
        var facts = stat()
        var bytes = [UInt8](repeating: 0, count: maxBytes)
        guard unsafe fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size < maxBytes,
            case let count = unsafe read(descriptor, &bytes, maxBytes), count >= 0,
            let text = String(validating: bytes.prefix(count), as: UTF8.self)
        else { throw .invalid("\(path) is not a small text file", hint: "write a name of a host on each line") }
        return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }
}
