import FoundationEssentials
import TestTools
import Testing
import VideoProvider
import VideoTypes

/// Whether the model of time finds out how fast a machine is.
@Suite(.bounded) struct TimeModelTests {
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
            case .noisy: machine.noise = 0.1
            }
            return machine
        }
    }

    private static func total(_ seconds: [VideoProgress.Stage: Double]) -> Double {
        VideoProgress.Stage.allCases.reduce(0) { $0 + (seconds[$1] ?? 0) }
    }

    private static func learned(_ machine: inout SyntheticMachine, _ clips: Int) -> TimeModel {
        var model = TimeModel(prior: gpu)
        model.learn((0..<clips).map { machine.sample(machine.work(), isCold: $0 % 10 == 0) })
        return model
    }

    @Test(arguments: Kind.allCases)
    func `after 20 clips of mixed shapes 9 of 10 estimates are within 25 per cent`(_ kind: Kind) {
        var (near, possible, late, clips) = (0, 0, 0, 0)
        for seed in 1...5 as ClosedRange<UInt64> {
            var machine = kind.machine(seed)
            let model = Self.learned(&machine, 20)
            for number in 0..<100 {
                let sample = machine.sample(machine.work(), isCold: number % 10 == 0)
                let estimate = model.estimate(sample.work, isCold: sample.isCold)
                let found = Self.total(sample.stageSeconds)
                // Who knows the machine but not its noise cannot do better.
                let best = Self.total(machine.truth(sample.work, isCold: sample.isCold))
                near += abs(estimate.p50 - found) <= 0.25 * found ? 1 : 0
                possible += abs(best - found) <= 0.25 * found ? 1 : 0
                late += found > estimate.p90 ? 1 : 0
                clips += 1
            }
        }
        let (share, most) = (Double(near) / Double(clips), Double(possible) / Double(clips))
        let tail = Double(late) / Double(clips)
        print("\(kind): \(share) of estimates within 25 % (\(most) are possible), \(tail) later than p90")
        #expect(share >= 0.9 && share >= most - 0.04)
        #expect((0.03...0.2).contains(tail))
    }

    @Test func `the first answer is of the right order, and a few clips of one shape carry to others`() {
        let small = SyntheticMachine.work(width: 832, height: 480, frames: 33, steps: 20, hasGuidance: true)
        let large = SyntheticMachine.work(width: 1280, height: 720, frames: 81, steps: 50, hasGuidance: true)
        var machine = SyntheticMachine(seed: 3)
        let prior = TimeModel(prior: Self.gpu)
        for work in [small, large] {
            let estimate = prior.estimate(work, isCold: false)
            let truth = Self.total(machine.truth(work, isCold: false))
            #expect((0.2...5).contains(estimate.p50 / truth), "\(estimate.p50) for \(truth)")
            #expect(estimate.p90 > 2 * estimate.p50, "a guess says so")
            #expect(abs(Self.total(estimate.stageSeconds) - estimate.p50) < 1e-9 * estimate.p50)
        }
        for factor in [0.1, 1, 10] {
            machine.pass = (0.012 * factor, 2.2e-5 * factor, 6.5e-10 * factor)
            machine.busy = 0
            var model = prior
            for _ in 0..<3 { model.learn(machine.sample(small)) }
            let truth = Self.total(machine.truth(large, isCold: false))
            let estimate = model.estimate(large, isCold: false)
            #expect((0.5...2).contains(estimate.p50 / truth), "\(factor): \(estimate.p50) for \(truth)")
        }
    }

    @Test func `two clips on a busy machine move nothing, five in a row are believed`() {
        var machine = SyntheticMachine(seed: 5)
        machine.busy = 0
        let work = machine.work()
        var model = Self.learned(&machine, 20)
        let before = model.estimate(work, isCold: false).p50
        machine.busy = 1
        for _ in 0..<2 { model.learn(machine.sample(machine.work())) }
        #expect(abs(model.estimate(work, isCold: false).p50 / before - 1) < 0.15)
        for _ in 0..<3 { model.learn(machine.sample(machine.work())) }
        #expect(model.estimate(work, isCold: false).p50 / before > 1.8)
        machine.busy = 0
        for _ in 0..<5 { model.learn(machine.sample(machine.work())) }
        #expect(abs(model.estimate(work, isCold: false).p50 / before - 1) < 0.25)
    }

    @Test func `a machine that has become another is followed, stage by stage`() {
        var machine = SyntheticMachine(seed: 6)
        var model = Self.learned(&machine, 60)
        (machine.pass, machine.text, machine.warmLoad) = ((0.004, 7e-6, 2e-10), 0.7, 1.5)
        machine.decode = (1, 4e-7)
        for _ in 0..<40 { model.learn(machine.sample(machine.work())) }
        var near = 0
        for _ in 0..<40 {
            let work = machine.work()
            let truth = machine.truth(work, isCold: false)
            let estimate = model.estimate(work, isCold: false).stageSeconds
            near +=
                [.denoise, .decode].allSatisfy { (stage: VideoProgress.Stage) in
                    abs((estimate[stage] ?? 0) / (truth[stage] ?? 1) - 1) < 0.25
                } ? 1 : 0
        }
        #expect(near >= 36, "\(near) of 40")
    }

    @Test func `loading is counted where the model is not loaded yet`() {
        var machine = SyntheticMachine(seed: 7)
        let model = Self.learned(&machine, 20)
        let work = machine.work()
        let (cold, warm) = (model.estimate(work, isCold: true), model.estimate(work, isCold: false))
        let difference = (cold.stageSeconds[.load] ?? 0) - (warm.stageSeconds[.load] ?? 0)
        #expect(abs(difference - 18) < 4, "\(difference)")
    }

    @Test func `more work never takes less time`() {
        var machine = SyntheticMachine(seed: 8)
        for clips in [0, 1, 5, 20] {
            let model = Self.learned(&machine, clips)
            var last = 0.0
            for frames in stride(from: 1, through: 161, by: 4) {
                let work = SyntheticMachine.work(width: 832, height: 480, frames: frames, steps: 30, hasGuidance: true)
                let next = model.estimate(work, isCold: false).p50
                #expect(next >= last)
                last = next
            }
        }
    }

    @Test func `damaged samples and absurd work are harmless`() {
        var machine = SyntheticMachine(seed: 9)
        var model = Self.learned(&machine, 10)
        let sound = model
        let work = machine.work()
        for seconds in [Double.nan, .infinity, -1] {
            model.learn(TimeSample(work: work, isCold: false, stageSeconds: [.denoise: seconds]))
        }
        model.learn(TimeSample(work: work, isCold: false, stageSeconds: [:]))
        model.learn(TimeSample(work: work, isCold: false, stageSeconds: [.load: 0, .denoise: 0]))
        var negative = work
        negative.tokens = -5
        model.learn(TimeSample(work: negative, isCold: false, stageSeconds: [.denoise: 1]))
        #expect(model == sound)
        let odd = [0, 1, Int.max]
        for tokens in odd {
            for passes in odd {
                let work = WorkEstimate(
                    tokens: tokens, passes: passes, decodedPixels: passes, flops: [:], peakBytes: [.load: tokens])
                for model in [sound, TimeModel(prior: Self.gpu)] {
                    let estimate = model.estimate(work, isCold: true)
                    #expect(estimate.p50.isFinite && estimate.p50 >= 0 && estimate.p90 >= estimate.p50)
                }
                var model = sound
                model.learn(TimeSample(work: work, isCold: true, stageSeconds: [.load: 1e300, .denoise: 1e-300]))
                #expect(model.estimate(work, isCold: false).p50.isFinite)
            }
        }
    }

    @Test func `it is written and read without a change, and knows whose it is`() throws {
        var machine = SyntheticMachine(seed: 10)
        let model = Self.learned(&machine, 200)
        #expect(model.samples == 128)
        let read = try JSONDecoder().decode(TimeModel.self, from: JSONEncoder().encode(model))
        #expect(read == model)
        #expect(read.estimate(machine.work(), isCold: true).p50 > 0)
        var keys: Set<String> = [model.key]
        for (name, backend, dtype) in [("other", "cuda:0", "bf16"), ("wan", "cpu", "bf16"), ("wan", "cuda:0", "f32")] {
            keys.insert(TimeModel.key(EngineFacts(model: name, backend: backend, dtype: dtype, memoryBytes: 1)))
        }
        #expect(keys.count == 4)
        #expect(TimeModel.key(Self.gpu) == model.key)
    }
}
