import Glibc

/// The most memory this process has held at once.
enum PeakMemory {
    static var bytes: Int {
        var usage = rusage()
        // Linux counts in kilobytes.
        return unsafe getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage) == 0 ? usage.ru_maxrss * 1024 : 0
    }
}
