import Files

/// The time as the router sees it.
package struct RouterClock: Sendable {
    /// Seconds since some fixed point; never goes back.
    package var now: @Sendable () -> Double
    /// Seconds since 1970, for what outlives the process.
    package var unixTime: @Sendable () -> Double
    /// Waits until `now` gives this; throws where the task is cancelled.
    package var sleep: @Sendable (_ until: Double) async throws(CancellationError) -> Void

    package init(
        now: @escaping @Sendable () -> Double, unixTime: @escaping @Sendable () -> Double,
        sleep: @escaping @Sendable (_ until: Double) async throws(CancellationError) -> Void
    ) {
        self.now = now
        self.unixTime = unixTime
        self.sleep = sleep
    }

    /// The clocks of this machine.
    package static let system = RouterClock(
        now: SystemClock.monotonic, unixTime: SystemClock.unix,
        sleep: { end throws(CancellationError) in
            do {
                // A century is for ever.
                try await Task.sleep(for: .seconds(min(max(end - SystemClock.monotonic(), 0), 3e9)))
            } catch {
                throw CancellationError()
            }
        })
}
