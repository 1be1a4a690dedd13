import Glibc
package import VideoTypes

/// Noise levels from 1 (pure noise) to 0 for a rectified flow, and the timesteps the model is told.
///
/// The values are those of Diffusers 0.42.1, bit for bit: each formula is evaluated in the precision in which its
/// scheduler evaluates it. UniPC and DPM++ tell the model whole timesteps, Euler fractional ones.
package struct Schedule: Sendable, Equatable {
    package static let stepLimit = 1000
    package static let shiftRange: ClosedRange<Double> = 0.01...100

    /// One for each step.
    package let timesteps: [Float]
    /// One for each step and the final 0.
    package let sigmas: [Float]

    package var stepCount: Int { timesteps.count }

    /// How the levels lie between noise and picture, beside the shift.
    package struct Shape: Sendable, Equatable {
        /// The last level before 0, to which all are stretched; nil for what the shift gives.
        package var terminal: Double?
        /// Of Euler's levels: others walk them as they are.
        package var spacing = Spacing.even

        package init() {}
    }

    /// Where levels lie between the first and the last.
    package enum Spacing: Sendable, Equatable {
        /// As the shift puts them.
        case even
        /// Karras et al. 2022, with ρ = 7.
        case karras
        /// Evenly in their logarithms.
        case exponential
    }

    /// The schedule that `kind` uses for `steps` steps.
    ///
    /// - Parameters:
    ///   - steps: 1 to `stepLimit`.
    ///   - shift: moves steps towards pure noise where it is above 1; in `shiftRange`.
    ///   - trainTimesteps: the model's timestep at noise level 1.
    package init(
        _ kind: Scheduler, steps: Int, shift: Double, shape: Shape = Shape(), trainTimesteps: Int = 1000
    ) {
        precondition(steps >= 1 && Self.shiftRange.contains(shift) && trainTimesteps >= 1)
        let train = Double(trainTimesteps)
        switch kind {
        case .unipc:
            let levels = Self.evenly(from: 1, to: 1 / train, count: steps + 1).dropLast()
            self.init(nudged: shape.stretched(levels.map { Self.shifted($0, shift) }), train: train)
        case .euler:
            // The end of the grid comes out of a table that is shifted already; then everything is shifted again.
            let narrow = (one: Float(shift), other: Float(shift - 1))
            let table = { (level: Float) -> Double in Double(narrow.one * level / (1 + narrow.other * level)) }
            let last = table(1 / Float(trainTimesteps))
            let grid = Self.evenly(from: table(1) * train, to: last * train, count: steps)
            let levels = shape.stretched(grid.map { Self.shifted($0 / train, shift) })
            self.init(fractional: shape.spaced(levels).map { Float($0) }, train: trainTimesteps)
        case .dpmpp:
            let alphas = Self.evenly(from: 1, to: 1 / train, count: steps + 1)
            self.init(whole: alphas.dropFirst().reversed().map { Self.shifted(1 - $0, shift) }, train: train)
        case .ddim, .dpm: preconditionFailure("\(kind) walks no flow")
        }
    }

    /// The schedule of an explicit list of noise levels, each shifted once; 0 is appended.
    ///
    /// With Euler and shift 5, `[1, 0.75, 0.5, 0.25]` is the recipe of lightx2v's 4-step models: 1, 0.9375, 0.8333,
    /// 0.625.
    ///
    /// - Parameter levels: such as `accepts(levels:)` accepts.
    package init(
        _ kind: Scheduler, levels: [Double], shift: Double, shape: Shape = Shape(), trainTimesteps: Int = 1000
    ) {
        precondition(Self.accepts(levels: levels) && Self.shiftRange.contains(shift) && trainTimesteps >= 1)
        let train = Double(trainTimesteps)
        switch kind {
        case .unipc: self.init(nudged: shape.stretched(levels.map { Self.shifted($0, shift) }), train: train)
        case .dpmpp: self.init(whole: levels.map { Self.shifted($0, shift) }, train: train)
        case .ddim, .dpm: preconditionFailure("\(kind) walks no flow")
        case .euler:
            let sigmas = levels.map { level -> Float in
                Float(shift) * Float(level) / (1 + Float(shift - 1) * Float(level))
            }
            let levels = shape.stretched(sigmas)
            let isEven = shape.spacing == .even
            let spaced = isEven ? levels : shape.spaced(levels.map { Double($0) }).map { Float($0) }
            self.init(fractional: spaced, train: trainTimesteps)
        }
    }

    /// Whether `levels` is a list to walk down: 1 to `stepLimit` values, at most 1, above 0, falling by at least
    /// 0.0001.
    package static func accepts(levels: [Double]) -> Bool {
        guard let first = levels.first, let last = levels.last, levels.count <= stepLimit else { return false }
        return first <= 1 && last >= 1e-4 && zip(levels, levels.dropFirst()).allSatisfy { $0 - $1 >= 1e-4 }
    }

    /// UniPC's last word on its grid: noise level 1 would make the signal's logarithm infinite.
    private init(nudged levels: [Double], train: Double) {
        var levels = levels
        if abs(levels[0] - 1) < 1e-6 { levels[0] -= 1e-6 }
        self.init(whole: levels, train: train)
    }

    private init(whole levels: [Double], train: Double) {
        timesteps = levels.map { Float(($0 * train).rounded(.towardZero)) }
        sigmas = levels.map { Float($0) } + [0]
    }

    private init(fractional levels: [Float], train: Int) {
        timesteps = levels.map { $0 * Float(train) }
        sigmas = levels + [0]
    }

    private static func shifted(_ level: Double, _ shift: Double) -> Double {
        shift * level / (1 + (shift - 1) * level)
    }

    /// `numpy.linspace`.
    fileprivate static func evenly(from start: Double, to end: Double, count: Int) -> [Double] {
        guard count > 1 else { return [start] }
        let step = (end - start) / Double(count - 1)
        return (0..<count - 1).map { Double($0) * step + start } + [end]
    }
}

extension Schedule.Shape {
    /// Levels whose distances from 1 are so changed that the last is `terminal`.
    fileprivate func stretched<Level: BinaryFloatingPoint>(_ levels: [Level]) -> [Level] {
        guard let terminal, let last = levels.last else { return levels }
        let scale = (1 - last) / Level(1 - terminal)
        return levels.map { 1 - (1 - $0) / scale }
    }

    fileprivate func spaced(_ levels: [Double]) -> [Double] {
        guard let first = levels.first, let last = levels.last else { return levels }
        switch spacing {
        case .even: return levels
        case .karras:
            let (start, end) = (pow(first, 1 / 7.0), pow(last, 1 / 7.0))
            return Schedule.evenly(from: 0, to: 1, count: levels.count).map { pow(start + $0 * (end - start), 7) }
        case .exponential:
            return Schedule.evenly(from: log(first), to: log(last), count: levels.count).map { exp($0) }
        }
    }
}
