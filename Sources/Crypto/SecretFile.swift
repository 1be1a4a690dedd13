import Files
import Glibc

/// A file with keys or secrets in it, which not everybody may read.
package enum SecretFile {
    /// Why it is not taken.
    package struct Refusal: Error, Equatable {
        /// Goes on after the file's name: "is not a small plain file".
        package let reason: String
        package let remedy: String
    }

    /// The text, without a mark of byte order at its begin.
    ///
    /// Its owner alone may read it; of root's also a group, which is how secrets are mounted into containers.
    package static func text(_ path: String, maxBytes: Int = 4096) throws(Refusal) -> String {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)
        guard descriptor >= 0 else {
            throw Refusal(reason: "cannot be read: \(SystemError.text(errno))", remedy: "it must exist and be readable")
        }
        defer { close(descriptor) }
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_size <= maxBytes else {
            throw Refusal(reason: "is not a small plain file", remedy: "it may have \(maxBytes) bytes")
        }
        guard isPrivate(mode: facts.st_mode, owner: facts.st_uid) else {
            throw Refusal(
                reason: "can be read or changed by others",
                remedy: "chmod 600 '\(path)'; a secret mounted by Kubernetes: defaultMode: 0440")
        }
        guard let text = String(validating: try bytes(descriptor, maxBytes), as: UTF8.self) else {
            throw Refusal(reason: "is not a text", remedy: "write it as UTF-8")
        }
        return text.hasPrefix("\u{FEFF}") ? String(text.dropFirst()) : text
    }

    static func isPrivate(mode: mode_t, owner: uid_t) -> Bool {
        guard mode & 0o037 == 0 else { return false }
        return mode & 0o040 == 0 || owner == 0
    }

    private static func bytes(_ descriptor: Int32, _ maxBytes: Int) throws(Refusal) -> [UInt8] {
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = unsafe read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else {
                throw Refusal(reason: "cannot be read: \(SystemError.text(errno))", remedy: "look at the disk")
            }
            if count == 0 { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= maxBytes else {
                throw Refusal(reason: "grows while it is read", remedy: "write it before the start")
            }
        }
    }
}
