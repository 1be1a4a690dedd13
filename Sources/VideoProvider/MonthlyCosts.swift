/// What video costs whoever owns or rents the machines that make it, by the month.
///
/// Numbers that are none, or negative, count as zero.
package struct MonthlyCosts: Sendable, Hashable {
    /// However many machines there are: people, network, disks.
    package let operationsDollars: Double
    /// For each machine, whether it works or not.
    package let machineDollars: Double
    /// For one more second of video: rent by the hour of work, electricity.
    package let videoSecondDollars: Double
    /// For which a second of video keeps a machine busy.
    package let busySeconds: Double

    /// 365.25 days, a twelfth.
    package static let hours = 730.5

    package init(
        operationsDollars: Double = 0, machineDollars: Double, videoSecondDollars: Double, busySeconds: Double
    ) {
        self.operationsDollars = Economics.positive(operationsDollars)
        self.machineDollars = Economics.positive(machineDollars)
        self.videoSecondDollars = Economics.positive(videoSecondDollars)
        self.busySeconds = Economics.positive(busySeconds)
    }

    /// Seconds of video that one machine makes at most.
    package var mostVideoSeconds: Double { busySeconds > 0 ? Self.hours * 3600 / busySeconds : .infinity }

    /// How many machines a volume takes; at least one, for it must be there before the first clip.
    package func machines(for videoSeconds: Double) -> Double {
        max(1, (Economics.positive(videoSeconds) / mostVideoSeconds).rounded(.up))
    }

    /// What a volume costs, on as many machines as it takes.
    package func dollars(for videoSeconds: Double) -> Double {
        operationsDollars + machines(for: videoSeconds) * machineDollars
            + Economics.positive(videoSeconds) * videoSecondDollars
    }
}
