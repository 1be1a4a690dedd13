import Glibc
import VideoProvider
import VideoTypes

/// A machine whose clips take known times, with noise: what the model of time must find out.
struct SyntheticMachine {
    var coldLoad = 21.0
    var warmLoad = 3.0
    var text = 1.4
    /// Seconds of one pass: a constant, by token, by token squared.
    var pass = (0.012, 2.2e-5, 6.5e-10)
    /// Seconds of decoding: a constant and by pixel.
    var decode = (0.4, 6e-8)
    /// Standard deviation of the logarithm of each stage's time.
    var noise = 0.08
    /// Part of clips made while the machine was busy, two to four times as slow.
    var busy = 0.05
    var random: SeededRandom

    init(seed: UInt64) { random = SeededRandom(seed) }

    /// The sizes that people ask of a model of 1.3 billion weights.
    mutating func work() -> WorkEstimate {
        let (width, height) = random.element([(832, 480), (480, 832), (640, 368), (1280, 720), (480, 480)])
        let frames = random.element([1, 17, 33, 49, 81])
        let steps = random.element([4, 8, 20, 30, 50])
        return Self.work(width: width, height: height, frames: frames, steps: steps, hasGuidance: steps > 8)
    }

    static func work(width: Int, height: Int, frames: Int, steps: Int, hasGuidance: Bool) -> WorkEstimate {
        let tokens = ((frames - 1) / 4 + 1) * (width / 16) * (height / 16)
        let passes = steps * (hasGuidance ? 2 : 1)
        let pixels = frames * width * height
        let perPass = Double(tokens) * 2.8e9 + Double(tokens) * Double(tokens) * 4 * 1536 * 30
        return WorkEstimate(
            tokens: tokens, passes: passes, decodedPixels: pixels,
            flops: [.text: 5e12, .denoise: Double(passes) * perPass, .decode: Double(pixels) * 1.2e6],
            peakBytes: [.load: 11_000_000_000, .denoise: 6_000_000_000])
    }

    /// Seconds by stage without noise.
    func truth(_ work: WorkEstimate, isCold: Bool) -> [VideoProgress.Stage: Double] {
        let tokens = Double(work.tokens)
        return [
            .load: isCold ? coldLoad : warmLoad, .text: text,
            .denoise: Double(work.passes) * (pass.0 + pass.1 * tokens + pass.2 * tokens * tokens),
            .decode: decode.0 + decode.1 * Double(work.decodedPixels),
        ]
    }

    /// One clip made.
    mutating func sample(_ work: WorkEstimate, isCold: Bool = false) -> TimeSample {
        let slowness = random.uniform() < busy ? 2 + 2 * random.uniform() : 1
        var seconds: [VideoProgress.Stage: Double] = [:]
        let truth = truth(work, isCold: isCold)
        for stage in VideoProgress.Stage.allCases {
            seconds[stage] = (truth[stage] ?? 0) * slowness * exp(noise * random.normal())
        }
        return TimeSample(work: work, isCold: isCold, stageSeconds: seconds)
    }
}

/// The same numbers in every run.
struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    /// Splitmix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    mutating func uniform() -> Double { Double(next() >> 11) * 0x1p-53 }

    mutating func normal() -> Double { sqrt(-2 * log(1 - uniform())) * cos(2 * .pi * uniform()) }

    mutating func element<T>(_ values: [T]) -> T { values[Int(next() % UInt64(values.count))] }
}
