import Compute
import Layers
import Models
import Sampling
import VideoTypes

/// The denoise loop: asks the transformer for a velocity at each step and lets the solver take it.
struct DenoiseStage {
    let components: WanComponents
    let device: Device
    let settings: VideoSettings
    let progress: ProgressReporter
    let dump: TensorDump?

    /// A loaded transformer with what does not change from step to step.
    private struct Expert {
        let number: Int
        /// The step it was loaded for.
        let firstStep: Int
        let times: WanTransformer.Times
        let prompt: VelocityPass
        let negative: VelocityPass?
    }

    /// Replaces the noise in `latents` f32 `[C, T, H, W]` by what the texts say.
    func run(_ latents: Tensor, _ texts: TextStage.Embeddings) throws {
        let schedule = makeSchedule()
        dump?.record("schedule.timesteps", [schedule.stepCount], schedule.timesteps)
        dump?.record("schedule.sigmas", [schedule.stepCount + 1], schedule.sigmas)
        var solver = (SolverKind(rawValue: settings.scheduler.rawValue) ?? .unipc).solver(schedule)
        var expert: Expert?
        for (index, timestep) in schedule.timesteps.enumerated() {
            let number = expertNumber(timestep)
            if expert?.number != number {
                expert = nil  // The one weight set leaves before the other arrives.
                try progress.begin(.load, total: 1)
                let served = schedule.timesteps[index...].prefix { expertNumber($0) == number }
                expert = try load(number, step: index, timesteps: Array(served), latents, texts)
                try progress.begin(.denoise, completed: index, total: schedule.stepCount)
            }
            guard let expert else { preconditionFailure("no expert for timestep \(timestep)") }
            try step(index, timestep, expert, latents, &solver)
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
            let scale = expert.number == 0 ? settings.guidanceScale : settings.guidanceScale2 ?? settings.guidanceScale
            try Guidance.apply(
                Float(scale), conditional: velocity, unconditional: unconditional, on: device.backend)
        }
        try dump?.record("\(name).noise_pred", velocity, on: device.backend)
        try solver.step(index, velocity: velocity, latents: latents, on: device.backend)
        try dump?.record("\(name).latents", latents, on: device.backend)
    }

    private func load(
        _ number: Int, step: Int, timesteps: [Float], _ latents: Tensor, _ texts: TextStage.Embeddings
    ) throws -> Expert {
        let transformer = try components.makeTransformer(expert: number, on: device)
        let grid = try transformer.grid(latents.shape)
        let name = "step.\(threeDigits(step))"
        let pass = { (text: Tensor, pass: String) throws -> VelocityPass in
            let context = try transformer.context(text, probe: probe(name, pass, isFirst: true))
            return try VelocityPass(transformer, context, grid, latents: latents, on: device.backend)
        }
        return Expert(
            number: number, firstStep: step, times: try transformer.times(timesteps),
            prompt: try pass(texts.prompt, "cond"), negative: try texts.negative.map { try pass($0, "uncond") })
    }

    /// The high-noise expert serves timesteps from the boundary up.
    private func expertNumber(_ timestep: Float) -> Int {
        guard let boundary = components.index.boundaryRatio else { return 0 }
        return Double(timestep) >= boundary * Double(trainTimesteps) ? 0 : 1
    }

    private var trainTimesteps: Int { components.scheduler.numTrainTimesteps ?? 1000 }

    private func makeSchedule() -> Schedule {
        let kind = SolverKind(rawValue: settings.scheduler.rawValue) ?? .unipc
        guard let levels = settings.sigmas else {
            return Schedule(kind, steps: settings.steps, shift: settings.flowShift, trainTimesteps: trainTimesteps)
        }
        return Schedule(kind, levels: levels, shift: settings.flowShift, trainTimesteps: trainTimesteps)
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
