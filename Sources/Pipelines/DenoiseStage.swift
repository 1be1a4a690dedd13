import Compute
import Layers
import Models
import Sampling
import VideoTypes

/// The denoise loop: asks the transformer for a velocity at each step and lets the solver take it.
struct DenoiseStage {
    let components: WanComponents
    let networks: LoadedNetworks
    /// Bytes that the loop needs beside the weights.
    let workBytes: Int
    let device: Device
    let finite: FiniteCheck
    let settings: VideoSettings
    let plan: DenoisePlan
    let checkpoint: DenoiseCheckpoint?
    let progress: ProgressReporter
    let dump: TensorDump?

    /// A loaded transformer with what does not change from step to step.
    private struct Expert {
        let number: Int
        /// The first step it serves.
        let firstStep: Int
        let times: WanTransformer.Times
        let prompt: VelocityPass
        let negative: VelocityPass?
    }

    /// Replaces the noise in `latents` f32 `[C, T, H, W]` by what the texts say.
    ///
    /// - Parameter state: whose latents these are, where the loop was begun before.
    func run(_ latents: Tensor, _ texts: TextStage.Embeddings, after state: DenoiseState?) throws {
        let schedule = plan.schedule
        dump?.record("schedule.timesteps", [schedule.stepCount], schedule.timesteps)
        dump?.record("schedule.sigmas", [schedule.stepCount + 1], schedule.sigmas)
        var solver = plan.kind.solver(schedule)
        if let state {
            var history: [Tensor] = []
            for tensor in state.history { history.append(try device.backend.upload(tensor, latents.shape)) }
            try solver.resume(after: state.step, history: history, on: device.backend)
        }
        var expert: Expert?
        for index in (state?.step ?? 0)..<schedule.stepCount {
            let run = plan.run(of: index)
            if expert?.firstStep != run.steps.lowerBound {
                expert = nil  // The one weight set may have to leave before the other arrives.
                expert = try load(run, latents, texts, step: index)
                try progress.begin(.denoise, completed: index, total: schedule.stepCount)
            }
            guard let expert else { preconditionFailure("no expert for step \(index)") }
            try step(index, schedule.timesteps[index], expert, latents, &solver)
            if let checkpoint, checkpoint.isDue(after: index + 1, of: schedule.stepCount) {
                checkpoint.keep(
                    try DenoiseState(step: index + 1, latents: latents, solver: solver, on: device.backend),
                    latents.shape)
            }
            try progress.advance()
        }
        try dump?.record("latents.final", latents, on: device.backend)
    }

    private func step(
        _ index: Int, _ timestep: Float, _ expert: Expert, _ latents: Tensor, _ solver: inout any Solver
    ) throws {
        let name = "step.\(threeDigits(index))"
        try dump?.record("\(name).model_input", latents, on: device.backend)
        recordTimestep(name, timestep, expert, latents.shape)
        let time = expert.times[index - expert.firstStep]
        let isFirst = index == expert.firstStep
        let velocity = try expert.prompt.run(time, probe: probe(name, "cond", isFirst: isFirst))
        try dump?.record("\(name).cond", velocity, on: device.backend)
        if let negative = expert.negative {
            let unconditional = try negative.run(time, probe: probe(name, "uncond", isFirst: isFirst))
            try dump?.record("\(name).uncond", unconditional, on: device.backend)
            let scale = settings.sampling.guidance(ofExpert: expert.number)
            try Guidance.apply(
                Float(scale), conditional: velocity, unconditional: unconditional, on: device.backend)
        }
        guard try finite.passes(velocity) else { throw try failure(index, time, expert) }
        try dump?.record("\(name).noise_pred", velocity, on: device.backend)
        try solver.step(index, velocity: velocity, latents: latents, on: device.backend)
        try dump?.record("\(name).latents", latents, on: device.backend)
    }

    /// Makes the step once more, before the latents have changed, and says in which block the numbers went.
    private func failure(_ index: Int, _ time: WanTransformer.Time, _ expert: Expert) throws -> VideoError {
        let place = "step \(index + 1) of \(plan.schedule.stepCount)"
        let passes = [(expert.prompt, "")] + (expert.negative.map { [($0, " of the negative prompt")] } ?? [])
        for (pass, text) in passes {
            let search = try finite.search()
            let velocity = try pass.run(time, probe: search.look)
            try search.look("the head", velocity)
            if let part = search.part { return finite.failure(.denoise, place, part: part + text) }
        }
        return finite.failure(.denoise, place, part: expert.negative == nil ? nil : "the guidance")
    }

    /// Times are prepared for the whole run, wherever it is entered: a product's rows may depend on how many there are.
    private func load(
        _ run: DenoisePlan.Run, _ latents: Tensor, _ texts: TextStage.Embeddings, step: Int
    ) throws -> Expert {
        let transformer = try networks.transformer(expert: run.expert, beside: workBytes, progress)
        let grid = try transformer.grid(latents.shape)
        let name = "step.\(threeDigits(step))"
        let pass = { (text: Tensor, pass: String) throws -> VelocityPass in
            let context = try transformer.context(text, probe: probe(name, pass, isFirst: true))
            return try VelocityPass(transformer, context, grid, latents: latents, on: device.backend)
        }
        return Expert(
            number: run.expert, firstStep: run.steps.lowerBound,
            times: try transformer.times(Array(plan.schedule.timesteps[run.steps])),
            prompt: try pass(texts.prompt, "cond"), negative: try texts.negative.map { try pass($0, "uncond") })
    }

    /// Blocks are recorded at the first step of each expert only: they are large, and an error shows there.
    private func probe(_ step: String, _ pass: String, isFirst: Bool) -> Probe? {
        isFirst ? dump?.probe("\(step).\(pass)", on: device.backend) : nil
    }

    /// Models with expanded timesteps are told one per token; for text to video all are equal.
    private func recordTimestep(_ name: String, _ timestep: Float, _ expert: Expert, _ shape: Shape) {
        guard let dump else { return }
        let patch = components.transformer.patch
        let tokens = shape[1] * (shape[2] / patch.height) * (shape[3] / patch.width)
        let count = components.index.expandTimesteps ? tokens : 1
        dump.record("\(name).timestep", count > 1 ? [1, count] : [1], [Float](repeating: timestep, count: count))
        dump.record("\(name).expert", [1], [Int64(expert.number)])
    }
}

/// 7 as "007".
func threeDigits(_ number: Int) -> String {
    let digits = String(number)
    return String(repeating: "0", count: max(0, 3 - digits.count)) + digits
}
