import Glibc
import HTTPClient

/// A small file that is replaced whole or not at all.
enum DurableFile {
    /// Why it could not be read or written.
    struct Failure: Error, CustomStringConvertible {
        let call: String
        let number: Int32

        init(_ call: String) {
            self.call = call
            number = errno
        }

        var description: String { "\(call) failed: \(SystemError.text(number))" }
    }

    /// The largest file that is read.
    static let limit = 256 << 20

    static func read(_ path: String) throws(Failure) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw Failure("open") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let chunk = try readChunk(descriptor)
            if chunk.isEmpty { return bytes }
            bytes += chunk
        }
        throw Failure("read")
    }

    private static func readChunk(_ descriptor: Int32) throws(Failure) -> [UInt8] {
        var status = 0
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            repeat {
                status = unsafe Glibc.read(descriptor, buffer.baseAddress, 1 << 16)
            } while status < 0
                && errno == EINTR
            count = max(status, 0)
        }
        guard status >= 0 else { throw Failure("read") }
        return chunk
    }

    /// Writes a file beside it, flushes it, and gives it the name.
    static func write(_ bytes: [UInt8], to path: String, in folder: String) throws(Failure) {
        let temporary = "\(path).\(UInt64.random(in: 0...UInt64.max)).part"
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw Failure("open") }
        var isPublished = false
        defer {
            close(descriptor)
            if !isPublished { unsafe unlink(temporary) }
        }
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { throw Failure("write") }
            rest = rest.dropFirst(count)
        }
        guard fsync(descriptor) == 0 else { throw Failure("fsync") }
        guard unsafe rename(temporary, path) == 0 else { throw Failure("rename") }
        isPublished = true
        try flush(folder)
    }

    static func remove(_ path: String, in folder: String) throws(Failure) {
        if unsafe unlink(path) != 0 {
            guard errno == ENOENT else { throw Failure("unlink") }
            return
        }
        try flush(folder)
    }

    private static func flush(_ folder: String) throws(Failure) {
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw Failure("open") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw Failure("fsync") }
    }
}
