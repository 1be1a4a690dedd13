/// Whether the wall clock may be believed when it says that something's time is over.
///
/// A machine whose battery is empty starts in another year, until a time server is heard of. A clock that stands far
/// from what the journal saw last, or that was set, has to run for a while first.
struct ClockTrust {
    /// Longer than it takes to hear of a time server.
    static let settleSeconds = 900.0
    private static let farSeconds = 3600.0
    private static let stepSeconds = 60.0

    private var offset: Double
    /// On the clock that only passes.
    private var trustedFrom: Double

    /// - Parameter newest: the last time in the journal; nil where there is none.
    init(_ clock: StoreClock, newest: Int?) {
        let (wall, boot) = (Double(clock.wall()), clock.boot())
        offset = wall - boot
        let isFar = newest.map { abs(wall - Double($0)) > Self.farSeconds } ?? false
        trustedFrom = isFar ? boot + Self.settleSeconds : boot
    }

    mutating func isTrusted(_ clock: StoreClock) -> Bool {
        let (wall, boot) = (Double(clock.wall()), clock.boot())
        if abs(wall - boot - offset) > Self.stepSeconds { trustedFrom = boot + Self.settleSeconds }
        offset = wall - boot
        return boot >= trustedFrom
    }
}
