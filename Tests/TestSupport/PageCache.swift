import Glibc

/// What the kernel holds of a file.
package enum PageCache {
    /// Lets the kernel forget what nobody has mapped.
    package static func drop(_ path: String) {
        let file = unsafe open(path, O_RDONLY)
        defer { close(file) }
        fsync(file)
        posix_fadvise(file, 0, 0, Int32(POSIX_FADV_DONTNEED))
    }

    /// The share of the file's pages that are in memory.
    package static func share(of path: String) -> Double {
        let found = pages(of: path)
        return found.all > 0 ? Double(found.held) / Double(found.all) : 0
    }

    /// Bytes of the file's pages that are in memory.
    package static func bytes(of path: String) -> Int { pages(of: path).held * sysconf(Int32(_SC_PAGESIZE)) }

    private static func pages(of path: String) -> (held: Int, all: Int) {
        let file = unsafe open(path, O_RDONLY)
        defer { close(file) }
        let (bytes, page) = (Int(lseek(file, 0, SEEK_END)), sysconf(Int32(_SC_PAGESIZE)))
        guard bytes > 0, page > 0, let base = unsafe mmap(nil, bytes, PROT_READ, MAP_PRIVATE, file, 0),
            unsafe base != MAP_FAILED
        else { return (0, 0) }
        defer { unsafe munmap(base, bytes) }
        var pages = [UInt8](repeating: 0, count: (bytes + page - 1) / page)
        guard unsafe mincore(base, bytes, &pages) == 0 else { return (0, pages.count) }
        return (pages.count { $0 & 1 == 1 }, pages.count)
    }
}
