#if canImport(Glibc)
import Glibc
#endif

/// The process's limit on open descriptors.
enum OpenFiles {
    /// Of the rest of the program: libraries, databases, clips.
    private static let others = 256
    /// A connection and the file that is sent on it.
    private static let perConnection = 2
    private static let mostConnections = 1 << 20

    /// Raises the limit where `connections` need it, and tells how many can be had.
    ///
    /// Where accepting fails for want of descriptors, so does everything else in the process.
    static func makeRoom(forConnections connections: Int) -> Int {
        var limit = rlimit()
        guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return connections }
        let needed = rlim_t(max(0, min(connections, mostConnections)) * perConnection + others)
        if limit.rlim_cur < needed {
            var raised = limit
            raised.rlim_cur = min(needed, limit.rlim_max)
            if unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &raised) == 0 { limit = raised }
        }
        let available = Int(clamping: limit.rlim_cur)
        return max(1, min(connections, mostConnections, (available - min(others, available / 2)) / perConnection))
    }
}
