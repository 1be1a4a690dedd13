/// From which volume on machines of one's own cost less than an API.
package struct BreakEven: Sendable, Hashable {
    /// Seconds of video a month that cost as much on one machine as at the API, as if it had the time; nil where the
    /// API never costs more.
    package let videoSecondsPerMonth: Double?
    /// Part of a month's hours that the machine would work for them: above 1 it cannot.
    package let utilisation: Double?
    /// Seconds of video that the machine can make in a month at most.
    package let mostVideoSecondsPerMonth: Double
    /// The same on as few machines as have the time; nil where more of them only cost more.
    package let fleet: Fleet?

    /// Machines that together pay.
    package struct Fleet: Sendable, Hashable {
        package let machines: Double
        package let videoSecondsPerMonth: Double
    }

    package var isReachable: Bool { utilisation.map { $0 <= 1 } ?? false }

    /// - Parameter apiDollarsPerSecond: what the API takes for a second of video.
    package init(_ costs: MonthlyCosts, apiDollarsPerSecond: Double) {
        let saved = Economics.positive(apiDollarsPerSecond) - costs.videoSecondDollars
        let most = costs.mostVideoSeconds
        mostVideoSecondsPerMonth = most
        let volume = { (machines: Double) in
            (costs.operationsDollars + machines * costs.machineDollars) / saved
        }
        videoSecondsPerMonth = saved > 0 ? volume(1) : nil
        utilisation = videoSecondsPerMonth.map { most.isFinite ? $0 / most : 0 }
        // What a machine earns in a month beyond its own price pays for the operations.
        let earned = saved * most - costs.machineDollars
        let isPaid = saved > 0 && (earned > 0 || volume(1) <= most)
        let machines = earned > 0 ? max(1, (costs.operationsDollars / earned).rounded(.up)) : 1
        fleet =
            isPaid && machines.isFinite ? Fleet(machines: machines, videoSecondsPerMonth: volume(machines)) : nil
    }

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
        self.init(
            MonthlyCosts(
                machineDollars: economics.gpuDollarsPerHour * MonthlyCosts.hours,
                videoSecondDollars: clip.marginalDollars / video / used,
                busySeconds: Economics.positive(computeSeconds) / video / used),
            apiDollarsPerSecond: apiDollarsPerSecond)
    }
}
