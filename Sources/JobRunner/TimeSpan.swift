/// How long something takes, in seconds.
struct TimeSpan: Equatable {
    /// Half of all take longer.
    var p50 = 0.0
    /// One in ten takes longer.
    var p90 = 0.0

    /// One after the other; a model of time errs in the same direction for both.
    static func + (first: TimeSpan, second: TimeSpan) -> TimeSpan {
        TimeSpan(p50: first.p50 + second.p50, p90: first.p90 + second.p90)
    }
}
