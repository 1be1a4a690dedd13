/// From which volume on a machine of one's own costs less than an API.
package struct BreakEven: Sendable, Hashable {
    /// Seconds of video a month that cost as much here as there; nil where the API never costs more.
    package let videoSecondsPerMonth: Double?
    /// Part of a month's hours that the machine would work for them: above 1 it cannot.
    package let utilisation: Double?
    /// Seconds of video that the machine can make in a month at most.
    package let mostVideoSecondsPerMonth: Double

    /// 365.25 days, a twelfth.
    package static let hoursPerMonth = 730.5

    package var isReachable: Bool { utilisation.map { $0 <= 1 } ?? false }

    /// - Parameters:
    ///   - economics: of the machine, whose price is paid for every hour of the month.
    ///   - clip: what one clip costs here.
    ///   - computeSeconds: for which it keeps the machine busy.
    ///   - videoSeconds: how long it plays.
    ///   - apiDollarsPerSecond: what the API takes for a second of video.
    ///   - wastedPart: clips that are made and not used, from 0 to less than 1.
    package init(
        _ economics: Economics, clip: ClipCost, computeSeconds: Double, videoSeconds: Double,
        apiDollarsPerSecond: Double, wastedPart: Double = 0
    ) {
        let video = videoSeconds.isFinite && videoSeconds > 0 ? videoSeconds : 1
        let used = 1 - min(Economics.positive(wastedPart), 0.99)
        let busy = Economics.positive(computeSeconds) / video / used
        let marginal = clip.marginalDollars / video / used
        let monthly = economics.gpuDollarsPerHour * Self.hoursPerMonth
        let saved = Economics.positive(apiDollarsPerSecond) - marginal
        videoSecondsPerMonth = saved > 0 ? monthly / saved : nil
        utilisation = videoSecondsPerMonth.map { $0 * busy / (Self.hoursPerMonth * 3600) }
        mostVideoSecondsPerMonth = busy > 0 ? Self.hoursPerMonth * 3600 / busy : .infinity
    }
}
