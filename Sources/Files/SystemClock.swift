import Glibc

/// The clocks of this machine, in seconds.
package enum SystemClock {
    /// Only grows, and stands still while the machine sleeps; from any fixed moment.
    package static func monotonic() -> Double { seconds(CLOCK_MONOTONIC) }

    /// Only grows, sleep of the machine included: since its start.
    package static func boot() -> Double { seconds(CLOCK_BOOTTIME) }

    /// Since 1970; may be set back or forth at any time.
    package static func unix() -> Double { seconds(CLOCK_REALTIME) }

    /// What this process has computed, all its threads together; stands still while others have the processor.
    package static func processor() -> Double { seconds(CLOCK_PROCESS_CPUTIME_ID) }

    private static func seconds(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
    }
}
