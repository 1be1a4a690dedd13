import Compute
import ComputeCPU
import Sampling
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@Suite(.bounded) struct SolverTests {
    /// A case of the fixture: `unipc/30/5`, `euler/levels/5`.
    struct Case: Sendable, CustomStringConvertible {
        let name: String
        let kind: Scheduler
        let schedule: Schedule
        var description: String { name }
    }

    private static func golden() throws -> Safetensors {
        let path = Fixture.path("schedules.safetensors")
        return try Safetensors(MappedFile.open(path), file: path)
    }

    private static func cases(of golden: Safetensors) throws -> [Case] {
        try golden.entries.keys.filter { $0.hasSuffix(".sigmas") }.sorted().map { key in
            let parts = key.dropLast(".sigmas".count).split(separator: "/")
            let kind = try #require(Scheduler(rawValue: String(parts[0])))
            let shift = try #require(Double(parts[2]))
            let schedule =
                if let steps = Int(parts[1]) {
                    Schedule(kind, steps: steps, shift: shift)
                } else {
                    Schedule(kind, levels: [1, 0.75, 0.5, 0.25], shift: shift)
                }
            return Case(name: String(key.dropLast(".sigmas".count)), kind: kind, schedule: schedule)
        }
    }

    private static func floats(_ golden: Safetensors, _ key: String) throws -> [Float] {
        try golden.tensor(key).bytes.withBytes { bytes in
            (0..<bytes.byteCount / 4).map { unsafe bytes.unsafeLoadUnaligned(fromByteOffset: $0 * 4, as: Float.self) }
        }
    }

    @Test func `sigmas and timesteps have the bits of Diffusers`() throws {
        let golden = try Self.golden()
        let cases = try Self.cases(of: golden)
        #expect(cases.count == 3 * 6 * 7 + 4)
        for one in cases {
            #expect(try Self.floats(golden, one.name + ".sigmas") == one.schedule.sigmas, "\(one)")
            #expect(try Self.floats(golden, one.name + ".timesteps") == one.schedule.timesteps, "\(one)")
        }
    }

    @Test func `every step's latents are those of Diffusers`() throws {
        let golden = try Self.golden()
        var worst: Float = 0
        for one in try Self.cases(of: golden) where golden.entries[one.name + ".latents"] != nil {
            let expected = try Self.floats(golden, one.name + ".latents")
            let backend = try CPUBackend(threads: 1)
            var noise = TorchRandomSource(seed: 7)
            let latents = try backend.upload(noise.normals(16), [1, 16])
            var solver = one.kind.solver(one.schedule)
            for index in 0..<one.schedule.stepCount {
                let velocity = try backend.upload(noise.normals(16), [1, 16])
                try solver.step(index, output: velocity, latents: latents, noise: noNoise, on: backend)
                let error = relativeError(try backend.download(latents), Array(expected[index * 16..<index * 16 + 16]))
                worst = max(worst, error)
                #expect(error < 1e-5, "\(one), step \(index)")
            }
        }
        print("worst relative error of a step's latents: \(worst)")
    }

    private func relativeError(_ found: [Float], _ expected: [Float]) -> Float {
        let error = zip(found, expected).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        return (error / expected.reduce(0) { $0 + $1 * $1 }).squareRoot()
    }

    @Test func `the last step lands on the predicted clean latents exactly`() throws {
        for kind in Scheduler.allCases.filter(\.isFlow) {
            let backend = try CPUBackend(threads: 1)
            let schedule = Schedule(kind, steps: 3, shift: 5)
            var solver = kind.solver(schedule)
            let latents = try backend.upload([1, -2, 0.5, 3], [1, 4])
            for index in 0..<2 {
                try solver.step(
                    index, output: backend.upload([1, 2, 3, 4], [1, 4]), latents: latents, noise: noNoise, on: backend)
            }
            let before = try backend.download(latents)
            try solver.step(
                2, output: backend.upload([2, 0, -1, 1], [1, 4]), latents: latents, noise: noNoise, on: backend)
            let clean = zip(before, [2, 0, -1, 1] as [Float]).map { $0 - schedule.sigmas[2] * $1 }
            #expect(try backend.download(latents) == clean, "\(kind)")
        }
    }

    @Test func `the recipe of lightx2v gives its four noise levels`() {
        let schedule = Schedule(.euler, levels: [1, 0.75, 0.5, 0.25], shift: 5)
        #expect(schedule.sigmas == [1, 0.9375, 0.8333333, 0.625, 0])
        #expect(schedule.timesteps == [1000, 937.5, 833.3333, 625])
    }

    @Test func `lists of noise levels that do not fall from 1 to above 0 are refused`() {
        #expect(Schedule.accepts(levels: [1, 0.5]))
        #expect(Schedule.accepts(levels: [0.7]))
        for levels in [[], [1.1, 0.5], [1, 1], [0.5, 0.7], [1, 0], [1, -0.5], [.nan], [1, .nan], [.infinity]] {
            #expect(!Schedule.accepts(levels: levels), "\(levels)")
        }
        #expect(!Schedule.accepts(levels: (0..<1001).map { 1 - Double($0) / 2000 }))
    }

    @Test func `guidance moves away from the unconditional output`() throws {
        let backend = try CPUBackend(threads: 1)
        let conditional = try backend.upload([1, 2, 3], [3])
        let unconditional = try backend.upload([1, 1, 5], [3])
        try Guidance.apply(5, conditional: conditional, unconditional: unconditional, on: backend)
        #expect(try backend.download(conditional) == [1, 6, -5])
        #expect(Guidance.isNeeded(1.5))
        #expect(!Guidance.isNeeded(1))
    }
}
