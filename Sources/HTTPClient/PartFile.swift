import Glibc

/// A file that appears under its name only when it is whole and on the disk.
final class PartFile {
    private let path: String
    private let partPath: String
    private var descriptor: Int32

    init(path: String) throws(HTTPClientError) {
        self.path = path
        partPath = path + "." + String(UInt64.random(in: 0...UInt64.max), radix: 16) + ".part"
        descriptor = unsafe open(partPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .fileFailed(action: "create", status: errno) }
    }

    deinit {
        guard descriptor >= 0 else { return }
        close(descriptor)
        unsafe unlink(partPath)
    }

    func write(_ bytes: [UInt8]) throws(HTTPClientError) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw .fileFailed(action: "write", status: errno) }
            rest = rest.dropFirst(count)
        }
    }

    /// Puts the file under its name.
    func finish() throws(HTTPClientError) {
        guard fsync(descriptor) == 0 else { throw .fileFailed(action: "write", status: errno) }
        guard unsafe rename(partPath, path) == 0 else { throw .fileFailed(action: "rename", status: errno) }
        close(descriptor)
        descriptor = -1
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = parts.isEmpty ? "." : parts.joined(separator: "/") + "/"
        let handle = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard handle >= 0 else { throw .fileFailed(action: "write", status: errno) }
        defer { close(handle) }
        guard fsync(handle) == 0 else { throw .fileFailed(action: "write", status: errno) }
    }
}
