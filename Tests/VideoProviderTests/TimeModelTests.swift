import FoundationEssentials
import Testing
import VideoProvider
import VideoTypes

/// Whether the model of time finds out how fast a machine is.
@Suite struct TimeModelTests {
    private static let gpu = EngineFacts(model: "wan", backend: "cuda:0", dtype: "bf16", memoryBytes: nil)

    /// Machines unlike the prior: much faster, much slower, other proportions, noisier.
    enum Kind: CaseIterable {
        case usual, fast, slow, launchBound, attentionBound, decodeBound, noisy

        func machine(_ seed: UInt64) -> SyntheticMachine {
            var machine = SyntheticMachine(seed: seed)
            switch self {
            case .usual: break
            case .fast: (machine.pass, machine.text, machine.warmLoad) = ((0.008, 1e-6, 4e-11), 0.03, 0.4)
            case .slow: (machine.pass, machine.decode) = ((0.05, 3e-3, 2e-7), (3, 2e-5))
            case .launchBound: machine.pass = (0.3, 2e-6, 1e-12)
            case .attentionBound: machine.pass = (0, 1e-6, 5e-9)
            case .decodeBound: machine.decode = (5, 3e-6)
            case .noisy: (machine.noise, machine.busy) = (0.12, 0.07)
            }
            return machine
        }
    }

    private static func total(_ seconds: [VideoProgress.Stage: Double]) -> Double { seconds.values.reduce(0, +) }

    @Test func `after 20 clips of mixed shapes 9 of 10 estimates are within 25 per cent`() {
        var lines: [String] = []
        for kind in Kind.allCases {
            var (near, late, clips) = (0, 0, 0)
            for seed in 1...12 as ClosedRange<UInt64> {
                var machine = kind.machine(seed)
                var model = TimeModel(prior: Self.gpu)
                for number in 0..<20 { model.learn(machine.sample(machine.work(), isCold: number % 10 == 0)) }
                for number in 0..<100 {
                    let sample = machine.sample(machine.work(), isCold: number % 10 == 0)
                    let estimate = model.estimate(sample.work, isCold: sample.isCold)
                    let found = Self.total(sample.stageSeconds)
                    near += abs(estimate.p50 - found) <= 0.25 * found ? 1 : 0
                    late += found > estimate.p90 ? 1 : 0
                    clips += 1
                }
            }
            let (share, tail) = (Double(near) / Double(clips), Double(late) / Double(clips))
            lines.append("\(kind): within 25 %: \(share), later than p90: \(tail)")
            #expect(share >= 0.9, "\(kind)")
            #expect((0.02...0.2).contains(tail), "\(kind)")
        }
        print(lines.joined(separator: "\n"))
    }
}
