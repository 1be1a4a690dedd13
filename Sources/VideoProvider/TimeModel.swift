import Glibc
package import VideoTypes

/// How long clips take on one engine: a guess at first, soon what was measured.
///
/// Loading takes a constant (another when the weights are warm) and a part by bytes, text a constant, denoising
/// `passes * (a + b * tokens + c * tokens²)`, decoding `d + e * pixels`. Beside them stands the time that the counted
/// operations would take at an assumed rate: alone before the first sample, and what carries the proportions between
/// shapes that were never seen until enough of them were.
package struct TimeModel: Sendable, Hashable, Codable {
    /// Engine, device and version: what is learned under another key is of another machine.
    package let key: String
    private let rate: Double
    private var kept: [TimeSample]
    private var coldLoad: StageFit
    private var warmLoad: StageFit
    private var text: StageFit
    private var denoise: StageFit
    private var decode: StageFit
    /// Natural logarithms of measured over estimated seconds, at 50 and 90 % of clips.
    private var middle: Double
    private var late: Double

    private static let mostSamples = 128
    /// After this many samples an older one counts half.
    private static let halfLife = 24.0
    /// A change of pace that is more than noise, as a logarithm.
    private static let leastChange = 0.12
    /// Before there are samples: most clips between a third and three times the estimate.
    private static let priorErrors = [-1.1, -0.5, 0, 0.5, 1.1].map { (value: $0, weight: 0.4) }

    /// What is assumed before the first clip.
    package init(prior facts: EngineFacts) {
        key = Self.key(facts)
        let isGPU = facts.backend != "cpu"
        // Operations a second: a few processor cores with vector units, a GPU with matrix units or without.
        rate = isGPU ? (facts.dtype == "f32" ? 1e13 : 1.5e14) : (facts.dtype == "f32" ? 1e11 : 1.6e11)
        kept = []
        coldLoad = StageFit(prior: [isGPU ? 2 : 0.05, 1])
        warmLoad = StageFit(prior: [0.01, 0.2])
        text = StageFit(prior: [0.005, 1])
        denoise = StageFit(prior: [isGPU ? 0.005 : 0.001, 0, 0, 1])
        decode = StageFit(prior: [0.01, 0, 1])
        middle = 0
        late = 0
        fit()
    }

    package static func key(_ facts: EngineFacts) -> String {
        [Version.text, facts.model, facts.backend, facts.dtype].joined(separator: " ")
    }

    /// How many clips it has learned from, at most the newest 128.
    package var samples: Int { kept.count }

    // MARK: learning

    /// Takes in how long one clip took; it must have been made in one go.
    package mutating func learn(_ sample: TimeSample) { learn([sample]) }

    /// The same for several, the oldest first.
    package mutating func learn(_ samples: [TimeSample]) {
        kept += samples.filter(Self.isUsable)
        kept.removeFirst(max(0, kept.count - Self.mostSamples))
        fit()
    }

    /// What comes from a journal may be damaged.
    private static func isUsable(_ sample: TimeSample) -> Bool {
        let times = sample.stageSeconds.values
        return times.allSatisfy { $0.isFinite && $0 >= 0 } && times.contains { $0 > 0 } && sample.work.tokens >= 0
            && sample.work.passes >= 0 && sample.work.decodedPixels >= 0
            && sample.work.flops.values.allSatisfy { $0.isFinite && $0 >= 0 }
    }

    private mutating func fit() {
        coldLoad.fit(points(.load) { $0.isCold })
        warmLoad.fit(points(.load) { !$0.isCold })
        text.fit(points(.text))
        denoise.fit(points(.denoise))
        decode.fit(points(.decode))
        var errors = Self.priorErrors
        for (index, sample) in kept.enumerated() {
            let expected = Self.total(seconds(sample.work, isCold: sample.isCold))
            let found = Self.total(sample.stageSeconds)
            guard expected > 0, found > 0 else { continue }
            errors.append((log(found / expected), weight(index)))
        }
        let spread = WeightedValues(errors)
        middle = spread.quantile(0.5)
        late = spread.quantile(0.9)
        // A machine that others use too changes its pace: not for a clip or two, but when most of the last are off.
        let recent = WeightedValues(errors.dropFirst(Self.priorErrors.count).suffix(5).map { ($0.value, 1) })
        let pace = recent.quantile(0.5)
        if abs(pace - middle) > Self.leastChange {
            late += pace - middle
            middle = pace
        }
    }

    private func points(
        _ stage: VideoProgress.Stage, where isMeant: (TimeSample) -> Bool = { _ in true }
    ) -> [StageFit.Point] {
        kept.enumerated().compactMap { index, sample in
            guard isMeant(sample), let seconds = sample.stageSeconds[stage] else { return nil }
            return StageFit.Point(
                features: features(stage, sample.work), seconds: seconds, weight: weight(index))
        }
    }

    private func weight(_ index: Int) -> Double {
        pow(0.5, Double(kept.count - 1 - index) / Self.halfLife)
    }

    private func features(_ stage: VideoProgress.Stage, _ work: WorkEstimate) -> [Double] {
        let computing = (work.flops[stage] ?? 0) / rate
        let tokens = Double(work.tokens)
        let passes = Double(work.passes)
        return switch stage {
        case .load: [1, Double(max(0, work.peakBytes[.load] ?? 0)) / 1e9]
        case .text: [1, computing]
        case .denoise: [passes, passes * tokens, passes * tokens * tokens, computing]
        case .decode: [1, Double(work.decodedPixels), computing]
        }
    }

    // MARK: estimating

    /// - Parameter isCold: whether this process has made no clip yet.
    package func estimate(_ work: WorkEstimate, isCold: Bool) -> ClipTime {
        let stages = seconds(work, isCold: isCold)
        let sum = Self.total(stages)
        let usual = exp(middle)
        return ClipTime(
            p50: sum * usual, p90: sum * exp(late), stageSeconds: stages.mapValues { $0 * usual })
    }

    /// In the order of the stages, so that the same samples give the same bits.
    private static func total(_ seconds: [VideoProgress.Stage: Double]) -> Double {
        VideoProgress.Stage.allCases.reduce(0) { $0 + (seconds[$1] ?? 0) }
    }

    private func seconds(_ work: WorkEstimate, isCold: Bool) -> [VideoProgress.Stage: Double] {
        [
            .load: (isCold ? coldLoad : warmLoad).seconds(features(.load, work)),
            .text: text.seconds(features(.text, work)),
            .denoise: denoise.seconds(features(.denoise, work)),
            .decode: decode.seconds(features(.decode, work)),
        ]
    }
}
