import Glibc

/// The times that the service needs; tests bring their own.
struct ServiceClock: Sendable {
    /// Seconds since 1970.
    var wall: @Sendable () -> Int
    /// Seconds that only grow.
    var steady: @Sendable () -> Double

    static let system = ServiceClock(
        wall: { Glibc.time(nil) },
        steady: {
            var now = timespec()
            unsafe clock_gettime(CLOCK_MONOTONIC, &now)
            return Double(now.tv_sec) + Double(now.tv_nsec) / 1e9
        })
}
