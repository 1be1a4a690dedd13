package import Compute
import Glibc

/// A regular file mapped read-only into memory; unmapped with its last `HostBytes`.
@safe
package final class MappedFile: DroppablePages, @unchecked Sendable {
    // Safe: the mapping is private, read-only and lives until deinit.
    private let base: UnsafeMutableRawPointer
    private let count: Int

    private init(base: UnsafeMutableRawPointer, count: Int) {
        unsafe self.base = base
        self.count = count
    }

    deinit {
        unsafe munmap(base, count)
    }

    package func dropPages(_ address: UnsafeRawPointer, _ count: Int) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        let start = unsafe UnsafeMutableRawPointer(mutating: address.alignedUp(toMultipleOf: page))
        let end = unsafe (address + count).alignedDown(toMultipleOf: page)
        let whole = unsafe end - UnsafeRawPointer(start)
        guard page > 0, whole > 0 else { return }
        // A hint: if the kernel refuses, memory stays a little fuller.
        _ = unsafe madvise(start, whole, MADV_DONTNEED)
    }

    package func fetchPages(_ address: UnsafeRawPointer, _ count: Int) {
        let page = sysconf(Int32(_SC_PAGESIZE))
        guard page > 0, count > 0 else { return }
        let start = unsafe UnsafeMutableRawPointer(mutating: address.alignedDown(toMultipleOf: page))
        // A hint: if the kernel refuses, pages come when they are touched.
        _ = unsafe madvise(start, address + count - UnsafeRawPointer(start), MADV_WILLNEED)
    }

    /// Whether so many bytes may be read before anybody wants them: not where that is more than half of the memory.
    package static func mayFetch(_ byteCount: Int) -> Bool {
        let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        return pages > 0 && size > 0 && byteCount <= pages / 2 * size
    }

    /// So many zeros, which take no memory as long as nobody reads them.
    static func zeros(_ count: Int) throws(WeightError) -> HostBytes {
        guard count > 0 else { return HostBytes([]) }
        let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
        guard let base = unsafe mmap(nil, count, PROT_READ, flags, -1, 0), unsafe base != MAP_FAILED else {
            throw .unreadable(file: "\(count) bytes of address space", errno: errno)
        }
        let zeros = unsafe MappedFile(base: base, count: count)
        return unsafe HostBytes(base: base, count: count, owner: zeros)
    }

    /// Maps the whole file at `path`.
    package static func open(_ path: String) throws(WeightError) -> HostBytes {
        // O_NONBLOCK: opening a pipe must not wait for a writer.
        let descriptor = unsafe Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else {
            let code = errno
            if code == ENOENT || code == ENOTDIR { throw .fileMissing(file: path) }
            throw .unreadable(file: path, errno: code)
        }
        defer { close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { throw .unreadable(file: path, errno: errno) }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .notAFile(file: path) }
        guard status.st_size > 0 else { throw .emptyFile(file: path) }
        let count = Int(status.st_size)
        guard let base = unsafe mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), unsafe base != MAP_FAILED
        else {
            throw .unreadable(file: path, errno: errno)
        }
        let file = unsafe MappedFile(base: base, count: count)
        return unsafe HostBytes(base: base, count: count, owner: file)
    }
}
