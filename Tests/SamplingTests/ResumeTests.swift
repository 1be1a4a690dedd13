import Compute
import ComputeCPU
import Sampling
import TestSupport
import TestTools
import Testing
import VideoTypes

/// A solver that goes on from another's history makes the same latents.
@Suite(.bounded) struct ResumeTests {
    /// A velocity that depends on the latents, as a model's does.
    private static func velocity(_ latents: Tensor, _ index: Int, on backend: any Backend) throws -> Tensor {
        let velocity = try backend.allocate(latents.shape, .f32)
        try backend.combine([(0.5 - 0.1 * Float(index), latents)], into: velocity)
        return velocity
    }

    private static func noise(on backend: any Backend) throws -> Tensor {
        var random = TorchRandomSource(seed: 5)
        return try backend.upload(random.normals(64), [64])
    }

    @Test(arguments: Scheduler.allCases.filter(\.isFlow), [1, 2, 3, 7])
    func `the latents behind any step are those of a walk without a break`(kind: Scheduler, steps: Int) throws {
        let backend = try CPUBackend(threads: 1)
        let schedule = Schedule(kind, steps: steps, shift: 3)
        let latents = try Self.noise(on: backend)
        var solver = kind.solver(schedule)
        var kept: [(latents: [Float], history: [[Float]])] = []
        for index in 0..<steps {
            let velocity = try Self.velocity(latents, index, on: backend)
            try solver.step(index, output: velocity, latents: latents, noise: noNoise, on: backend)
            kept.append((try backend.download(latents), try solver.history.map { try backend.download($0) }))
            #expect(solver.history.count == solver.historyCount(after: index + 1))
        }
        for (index, state) in kept.enumerated() {
            let latents = try backend.upload(state.latents, [64])
            var solver = kind.solver(schedule)
            let history = try state.history.map { try backend.upload($0, [64]) }
            try solver.resume(after: index + 1, history: history, on: backend)
            for next in index + 1..<steps {
                let velocity = try Self.velocity(latents, next, on: backend)
                try solver.step(next, output: velocity, latents: latents, noise: noNoise, on: backend)
                #expect(try backend.download(latents) == kept[next].latents, "from \(index + 1) to \(next + 1)")
                #expect(try solver.history.map { try backend.download($0) } == kept[next].history)
            }
        }
    }

    @Test(arguments: Scheduler.allCases.filter(\.isFlow)) func `there is no history before the first step`(
        kind: Scheduler
    ) {
        let solver = kind.solver(Schedule(kind, steps: 2, shift: 1))
        #expect(solver.history.isEmpty && solver.historyCount(after: 0) == 0)
    }
}
