import Compute
import Layers
import Models
import Sampling
import VideoTypes

/// The denoise loop: asks the networks for a prediction at each step and lets the solver take it.
struct DenoiseStage {
    let plan: DenoisePlan
    let backend: any Backend
    let finite: FiniteCheck
    let checkpoint: DenoiseCheckpoint?
    let sketch: LatentSketch?
    let progress: ProgressReporter
    let dump: TensorDump?

    /// The passes of one run of steps.
    private struct Serving {
        let run: DenoisePlan.Run
        let passes: DenoisePasses
    }

    /// Latents of `shape` denoised, from noise or from where a checkpoint was left.
    ///
    /// - Parameters:
    ///   - noise: draws numbers in the family's own shape of latents.
    ///   - denoiser: asked for only where steps are left.
    func run(_ shape: Shape, noise: NoiseSource, _ denoiser: () throws -> any Denoiser) throws -> Tensor {
        let count = plan.stepCount
        let draw: NoiseDraw = { () throws(ComputeError) in try backend.upload(shape) { noise.draw(shape) } }
        if let state = try checkpoint?.state(plan, shape) {
            let latents = try backend.upload(state.latents, shape)
            guard state.step < count else {
                try progress.begin(.denoise, completed: count, total: count)
                return latents
            }
            // The noise goes on where it was: behind what began the latents and what the steps drew.
            noise.skip(shape, times: 1 + plan.solver.draws(before: state.step))
            try walk(latents, denoiser(), draw, after: state)
            return latents
        }
        let latents = try backend.upload(shape) {
            let numbers = noise.draw(shape)
            dump?.record("noise.initial", [1] + shape.dims, numbers)
            return numbers
        }
        try walk(latents, denoiser(), draw, after: nil)
        return latents
    }

    private func walk(
        _ latents: Tensor, _ denoiser: any Denoiser, _ draw: NoiseDraw, after state: DenoiseState?
    ) throws {
        dump?.record("schedule.timesteps", [plan.stepCount], plan.timesteps)
        dump?.record("schedule.\(plan.levels.name)", [plan.levels.values.count], plan.levels.values)
        var solver = plan.solver
        if let state {
            var history: [Tensor] = []
            for tensor in state.history { history.append(try backend.upload(tensor, latents.shape)) }
            try solver.resume(after: state.step, history: history, on: backend)
        }
        var serving: Serving?
        for index in (state?.step ?? 0)..<plan.stepCount {
            let run = plan.run(of: index)
            if serving?.run.steps != run.steps {
                serving = nil  // The one weight set may have to leave before the other arrives.
                let passes = try denoiser.passes(run, over: denoiser.shown(latents)) {
                    probe(step: index, $0, isFirst: true)
                }
                serving = Serving(run: run, passes: passes)
                try progress.begin(.denoise, completed: index, total: plan.stepCount)
            }
            guard let serving else { preconditionFailure("nothing serves step \(index)") }
            if let next = plan.run(behind: run) {
                try denoiser.foresee(next, step: index - run.steps.lowerBound, of: run.steps.count)
            }
            try step(index, serving, denoiser, latents, draw, &solver)
            if index + 1 == plan.stepCount { try denoiser.finish(latents) }
            if let checkpoint, checkpoint.isDue(after: index + 1, of: plan.stepCount) {
                checkpoint.keep(
                    try DenoiseState(step: index + 1, latents: latents, solver: solver, on: backend), latents.shape,
                    of: plan.stepCount)
            }
            try progress.advance()
        }
    }

    private func step(
        _ index: Int, _ serving: Serving, _ denoiser: any Denoiser, _ latents: Tensor, _ draw: NoiseDraw,
        _ solver: inout any Solver
    ) throws {
        let name = "step.\(threeDigits(index))"
        let shown = try denoiser.shown(latents)
        try dump?.record("\(name).model_input", shown, on: backend)
        recordTimestep(name, denoiser.timesteps(plan.timesteps[index], latents.shape), serving.run.expert)
        let passes = serving.passes
        let brought = try passes.step(index)
        let isFirst = index == serving.run.steps.lowerBound
        let factorized = passes.factorized?.step(index, of: plan.stepCount)
        let prediction = try passes.prompt.run(
            brought, factorized: factorized, probe: probe(step: index, "cond", isFirst: isFirst))
        try dump?.record("\(name).cond", prediction, on: backend)
        if let negative = passes.negative {
            let unconditional = try negative.run(
                brought, factorized: factorized, probe: probe(step: index, "uncond", isFirst: isFirst))
            try dump?.record("\(name).uncond", unconditional, on: backend)
            try Guidance.apply(
                denoiser.guidanceScale(index, of: serving.run), conditional: prediction, unconditional: unconditional,
                on: backend)
        }
        try denoiser.attend()
        guard try finite.passes(prediction) else { throw try failure(index, passes) }
        try dump?.record("\(name).noise_pred", prediction, on: backend)
        try sketch?.draw(
            step: index, of: plan.stepCount, latents, prediction, solver.cleanFactors(at: index), on: backend)
        try solver.step(index, output: prediction, latents: latents, noise: draw, on: backend)
        try denoiser.settle(latents)
        try dump?.record("\(name).latents", latents, on: backend)
    }

    /// Makes the step once more, before the latents have changed, and says in which block the numbers went.
    private func failure(_ index: Int, _ passes: DenoisePasses) throws -> VideoError {
        let place = "step \(index + 1) of \(plan.stepCount)"
        let all = [(passes.prompt, "")] + (passes.negative.map { [($0, " of the negative prompt")] } ?? [])
        for (pass, text) in all {
            let search = try finite.search()
            let prediction = try pass.run(
                passes.step(index), factorized: passes.factorized?.step(index, of: plan.stepCount), probe: search.look)
            try search.look("the head", prediction)
            if let part = search.part { return finite.failure(.denoise, place, part: part + text) }
        }
        return finite.failure(.denoise, place, part: passes.negative == nil ? nil : "the guidance")
    }

    /// Blocks are recorded at the first step of each expert only: they are large, and an error shows there.
    private func probe(step: Int, _ pass: String, isFirst: Bool) -> Probe? {
        isFirst ? dump?.probe("step.\(threeDigits(step)).\(pass)", on: backend) : nil
    }

    private func recordTimestep(_ name: String, _ timesteps: [Float], _ expert: Int) {
        guard let dump else { return }
        dump.record("\(name).timestep", timesteps.count > 1 ? [1, timesteps.count] : [1], timesteps)
        dump.record("\(name).expert", [1], [Int64(expert)])
    }
}

/// 7 as "007".
func threeDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
}
