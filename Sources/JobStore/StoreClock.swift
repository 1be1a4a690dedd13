import Files

/// The time, as a journal needs it: two clocks.
package struct StoreClock: Sendable {
    /// Seconds since 1970, for stamps; may be set back or forth at any time.
    package let wall: @Sendable () -> Int
    /// Seconds that only pass, sleep of the machine included: for leases.
    package let boot: @Sendable () -> Double

    package init(wall: @escaping @Sendable () -> Int, boot: @escaping @Sendable () -> Double) {
        self.wall = wall
        self.boot = boot
    }

    package static let system = StoreClock(wall: { Int(SystemClock.unix()) }, boot: SystemClock.boot)
}
