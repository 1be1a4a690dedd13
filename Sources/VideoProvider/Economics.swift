package import VideoTypes

/// What the machine and its electricity cost, and from that what a clip costs.
///
/// Nothing divides by what may be zero; numbers that are none, or negative, count as zero.
public struct Economics: Sendable, Hashable, Codable {
    public let dollarsPerKilowattHour: Double
    /// What the device takes while it computes; nil for what is usual: 65 W for a processor, 350 W for a GPU.
    public let watts: Double?
    /// Price of the machine for each hour that it exists, whether it works or not.
    public let gpuDollarsPerHour: Double
    /// Part of its hours in which it works, over which the price is spread.
    public let utilisation: Double

    /// - Parameter utilisation: 1 where the machine is paid only while it works.
    public init(
        dollarsPerKilowattHour: Double = 0.15, watts: Double? = nil, gpuDollarsPerHour: Double = 0,
        utilisation: Double = 1
    ) {
        self.dollarsPerKilowattHour = Self.positive(dollarsPerKilowattHour)
        self.watts = watts.map(Self.positive)
        self.gpuDollarsPerHour = Self.positive(gpuDollarsPerHour)
        self.utilisation = utilisation.isFinite ? min(max(utilisation, 0.001), 1) : 1
    }

    static func positive(_ value: Double) -> Double { value.isFinite ? max(value, 0) : 0 }

    package func nominalWatts(backend: String) -> Double { watts ?? (backend == "cpu" ? 65 : 350) }

    /// What so much work costs.
    ///
    /// - Parameters:
    ///   - seconds: for which the device works.
    ///   - joules: what it takes meanwhile; nil where nobody counts, then nominal watts stand in.
    ///   - backend: "cpu", "cuda:0", …
    package func cost(seconds: Double, joules: Double?, backend: String) -> ClipCost {
        let seconds = Self.positive(seconds)
        let energy = joules.map(Self.positive) ?? seconds * nominalWatts(backend: backend)
        let marginal = energy / 3.6e6 * dollarsPerKilowattHour
        return ClipCost(
            joules: energy, isEstimated: joules == nil, marginalDollars: marginal,
            amortisedDollars: marginal + seconds / 3600 * gpuDollarsPerHour / utilisation)
    }

    /// What a clip has cost.
    package func cost(of report: ClipReport) -> ClipCost {
        cost(seconds: report.totalSeconds, joules: report.joules, backend: report.backend)
    }
}

extension ClipReport {
    /// What the device took on the average; nil where nobody counted.
    package var watts: Double? { totalSeconds > 0 ? joules.map { $0 / totalSeconds } : nil }
}

/// What a clip costs its owner.
package struct ClipCost: Sendable, Hashable {
    package let joules: Double
    /// Whether the joules come from nominal watts, not from a counter.
    package let isEstimated: Bool
    /// What one more costs: electricity.
    package let marginalDollars: Double
    /// The same with the clip's share of the machine's price.
    package let amortisedDollars: Double

    /// Dollars for each of so many seconds of video; all of it for a clip that has none.
    package func perSecond(of videoSeconds: Double) -> (marginal: Double, amortised: Double) {
        let seconds = videoSeconds > 0 && videoSeconds.isFinite ? videoSeconds : 1
        return (marginalDollars / seconds, amortisedDollars / seconds)
    }
}
