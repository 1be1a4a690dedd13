import Files

/// The times that the service needs; tests bring their own.
struct ServiceClock: Sendable {
    /// Seconds since 1970.
    var wall: @Sendable () -> Int
    /// Seconds that only grow.
    var steady: @Sendable () -> Double

    static let system = ServiceClock(wall: { Int(SystemClock.unix()) }, steady: SystemClock.monotonic)
}
