import Compute
import ComputeCPU
import Sampling
import TestSupport
import TestTools
import Testing

/// CogVideoX's solvers beside Diffusers', over the same random numbers.
@Suite(.bounded) struct DiffusionTests {
    /// A case of the fixture: `dpm/trailing/50/3/v_prediction/noise`.
    struct Case: CustomStringConvertible {
        let description: String
        let solver: any Solver
        let schedule: DiffusionSchedule

        init(_ name: String) throws {
            description = name
            let parts = name.split(separator: "/").map(String.init)
            var training = DiffusionSchedule.Training()
            training.spacing = try #require(DiffusionSchedule.Spacing(rawValue: parts[1]))
            training.snrShift = try #require(Double(parts[3]))
            training.prediction = try #require(DiffusionSchedule.Prediction(rawValue: parts[4]))
            training.endsInNoise = parts[5] == "noise"
            schedule = DiffusionSchedule(training, steps: try #require(Int(parts[2])))
            solver = parts[0] == "ddim" ? DDIMSolver(schedule) : StochasticDPMSolver(schedule)
        }
    }

    private static func golden() throws -> GoldenFile { try GoldenFile(Fixture.path("diffusions.safetensors")) }

    private static func cases(_ golden: GoldenFile) throws -> [Case] {
        try golden.names.filter { $0.hasSuffix(".timesteps") }.map { try Case(String($0.dropLast(10))) }
    }

    @Test func `timesteps and noise levels have the bits of Diffusers`() throws {
        let golden = try Self.golden()
        let cases = try Self.cases(golden)
        #expect(cases.count == 144)
        for one in cases {
            #expect(try golden.floats("\(one).timesteps") == one.solver.timesteps, "\(one)")
            let parts = one.description.split(separator: "/")
            let alphas = try golden.floats("alphas/\(parts[3])/\(parts[5])")
            #expect(one.schedule.alphas.map { Float($0) } == alphas, "\(one)")
        }
    }

    @Test func `every step's latents are those of Diffusers, noise included`() throws {
        let golden = try Self.golden()
        var walked = 0
        for one in try Self.cases(golden) where golden.contains("\(one).latents") {
            let expected = try golden.floats("\(one).latents")
            let backend = try CPUBackend(threads: 1)
            var random = TorchRandomSource(seed: 7)
            let latents = try backend.upload(random.normals(16), [1, 16])
            var solver = one.solver
            for index in solver.timesteps.indices {
                let output = try backend.upload(random.normals(16), [1, 16])
                var draws = 0
                let noise = { () throws(ComputeError) -> Tensor in
                    draws += 1
                    return try backend.upload(random.normals(16), [1, 16])
                }
                try solver.step(index, output: output, latents: latents, noise: noise, on: backend)
                #expect(draws == solver.draws(at: index), "\(one), step \(index)")
                let error = Deviation(
                    try backend.download(latents), from: Array(expected[index * 16..<index * 16 + 16]))
                #expect(error.relative < 1e-5, "\(one), step \(index): \(error)")
            }
            walked += 1
        }
        #expect(walked > 100, "\(walked)")
    }

    @Test func `the stochastic solver draws once at both ends and twice between`() {
        var training = DiffusionSchedule.Training()
        training.spacing = .trailing
        let solver = StochasticDPMSolver(DiffusionSchedule(training, steps: 4))
        #expect((0..<4).map { solver.draws(at: $0) } == [1, 2, 2, 1])
        #expect((0...4).map { solver.draws(before: $0) } == [0, 1, 3, 5, 6])
    }

    @Test(arguments: [1, 2, 3, 6]) func `a walk that is taken up again draws the same noise`(steps: Int) throws {
        let backend = try CPUBackend(threads: 1)
        var training = DiffusionSchedule.Training()
        (training.spacing, training.prediction, training.endsInNoise) = (.trailing, .velocity, true)
        let schedule = DiffusionSchedule(training, steps: steps)
        func walk(
            from start: Int, _ latents: Tensor, _ history: [Tensor]
        ) throws -> [(latents: [Float], history: [[Float]])] {
            var random = TorchRandomSource(seed: 3)
            let noise = { () throws(ComputeError) -> Tensor in try backend.upload(random.normals(64), [64]) }
            var solver = StochasticDPMSolver(schedule)
            if start > 0 { try solver.resume(after: start, history: history, on: backend) }
            for _ in 0..<solver.draws(before: start) { _ = try noise() }
            return try (start..<steps).map { index in
                let output = try backend.allocate([64], .f32)
                try backend.combine([(0.5 - 0.1 * Float(index), latents)], into: output)
                try solver.step(index, output: output, latents: latents, noise: noise, on: backend)
                #expect(solver.history.count == solver.historyCount(after: index + 1))
                return (try backend.download(latents), try solver.history.map { try backend.download($0) })
            }
        }
        var random = TorchRandomSource(seed: 5)
        let kept = try walk(from: 0, backend.upload(random.normals(64), [64]), [])
        for start in 1..<max(steps, 1) {
            let state = kept[start - 1]
            let again = try walk(
                from: start, backend.upload(state.latents, [64]),
                state.history.map { try backend.upload($0, [64]) })
            #expect(again.map(\.latents) == kept[start...].map(\.latents), "from \(start)")
        }
    }

    @Test func `the dynamic scale is the reference's`() {
        #expect(abs(Guidance.cosine(6, timestep: 999, steps: 50) - 2.291487174551452) < 1e-9)
        #expect(abs(Guidance.cosine(6, timestep: 2, steps: 3) - 1.0002507104336882) < 1e-12)
        #expect(Guidance.cosine(6, timestep: 50, steps: 50) == 1)
    }
}
