import Glibc

/// Bytes of open files, and small files read, replaced or removed whole.
package enum FileBytes {
    /// Writes all of it; false where the system takes no more, and `errno` says why.
    package static func write(_ bytes: some Collection<UInt8>, to descriptor: Int32) -> Bool {
        let isDone = bytes.withContiguousStorageIfAvailable { unsafe write(UnsafeRawBufferPointer($0), descriptor) }
        return unsafe isDone ?? Array(bytes).withUnsafeBytes { unsafe write($0, descriptor) }
    }

    private static func write(_ bytes: UnsafeRawBufferPointer, _ descriptor: Int32) -> Bool {
        var rest = unsafe bytes[...]
        while unsafe !rest.isEmpty {
            let count = unsafe Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            unsafe rest = rest.dropFirst(count)
        }
        return true
    }

    /// The whole file; nil where there is none.
    ///
    /// It must be a plain one, and not behind a link.
    package static func read(_ path: String, limit: Int = 256 << 20) throws(FileFailure) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0, errno == ENOENT { return nil }
        guard descriptor >= 0 else { throw FileFailure("open") }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        while bytes.count < limit {
            let chunk = try readChunk(descriptor)
            if chunk.isEmpty { return bytes }
            bytes += chunk
        }
        throw FileFailure("read", EFBIG)
    }

    private static func readChunk(_ descriptor: Int32) throws(FileFailure) -> [UInt8] {
        var status = 0
        let chunk = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 16) { buffer, count in
            repeat {
                status = unsafe Glibc.read(descriptor, buffer.baseAddress, 1 << 16)
            } while status < 0
                && errno == EINTR
            count = max(status, 0)
        }
        guard status >= 0 else { throw FileFailure("read") }
        return chunk
    }

    /// Puts a file in the place of what has the name, whole and on the disk, or leaves all as it was.
    package static func replace(
        _ path: String, with bytes: [UInt8], mode: UInt32 = 0o600
    ) throws(FileFailure) {
        let file = try NewFile(path, mode: mode)
        try file.append(bytes)
        try file.publish()
    }

    /// Takes the name away for good; where it is not there, nothing is to be done.
    package static func remove(_ path: String) throws(FileFailure) {
        if unsafe unlink(path) != 0 {
            guard errno == ENOENT else { throw FileFailure("unlink") }
            return
        }
        try flushFolder(of: path)
    }

    /// Makes sure that names given or taken in the folder of this file are on the disk.
    package static func flushFolder(of path: String) throws(FileFailure) {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let descriptor = unsafe open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw FileFailure("open") }
        defer { close(descriptor) }
        guard fsync(descriptor) == 0 else { throw FileFailure("fsync") }
    }
}
