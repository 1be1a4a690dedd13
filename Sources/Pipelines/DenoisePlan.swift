import Sampling
import VideoTypes

/// The denoise loop before it runs: who walks which schedule, and which expert serves which steps.
struct DenoisePlan {
    /// At the beginning of its schedule.
    let solver: any Solver
    /// The noise levels of the schedule, as the reference calls them.
    let levels: (name: String, values: [Float])
    let runs: [Run]

    /// Steps that one expert serves without a break, with the same LoRAs.
    struct Run {
        let expert: Int
        let steps: Range<Int>
    }

    var timesteps: [Float] { solver.timesteps }
    var stepCount: Int { solver.timesteps.count }

    /// - Parameters:
    ///   - adapters: LoRAs, some of which may serve only some steps.
    ///   - expert: which of a model's experts serves a timestep.
    init(
        _ solver: any Solver, levels: (name: String, values: [Float]), adapters: [AdapterInput] = [],
        expert: (_ timestep: Float) -> Int = { _ in 0 }
    ) {
        self.solver = solver
        self.levels = levels
        let phases = adapters.filter { $0.steps != nil }
        var runs: [Run] = []
        for (step, expert) in solver.timesteps.map(expert).enumerated() {
            let isSame = phases.allSatisfy { step == 0 || $0.serves(step: step) == $0.serves(step: step - 1) }
            if let last = runs.last, last.expert == expert, isSame {
                runs[runs.count - 1] = Run(expert: expert, steps: last.steps.lowerBound..<step + 1)
            } else {
                runs.append(Run(expert: expert, steps: step..<step + 1))
            }
        }
        self.runs = runs
    }

    /// Of a rectified flow.
    init(_ settings: VideoSettings, _ scheduler: FolderScheduler, expert: (_ timestep: Float) -> Int = { _ in 0 }) {
        let kind = settings.sampling.scheduler
        let train = scheduler.trainTimesteps
        // Another scheduler than the folder's walks plain levels.
        let shape = scheduler.kind == kind ? scheduler.shape : Schedule.Shape()
        // Without a shift the levels stay as they are.
        let shift = settings.sampling.shift ?? 1
        let schedule =
            switch settings.sampling.levels {
            case .sigmas(let levels):
                Schedule(kind, levels: levels, shift: shift, shape: shape, trainTimesteps: train)
            case .steps(let steps): Schedule(kind, steps: steps, shift: shift, shape: shape, trainTimesteps: train)
            }
        self.init(
            kind.solver(schedule), levels: ("sigmas", schedule.sigmas), adapters: settings.adapters, expert: expert)
    }

    /// The run of another expert that follows this one.
    func run(behind run: Run) -> Run? {
        runs.first { $0.steps.lowerBound == run.steps.upperBound && $0.expert != run.expert }
    }

    /// The run that step `index` belongs to.
    func run(of index: Int) -> Run {
        runs.first { $0.steps.contains(index) } ?? Run(expert: 0, steps: index..<index + 1)
    }
}
