import Sampling
import VideoTypes

/// The denoise loop before it runs: its schedule, and which expert serves which steps.
struct DenoisePlan {
    let kind: Scheduler
    let schedule: Schedule
    let runs: [Run]

    /// Steps that one expert serves without a break.
    struct Run {
        let expert: Int
        let steps: Range<Int>
    }

    /// - Parameter expert: which of a model's experts serves a timestep.
    init(_ settings: VideoSettings, _ scheduler: FolderScheduler, expert: (_ timestep: Float) -> Int = { _ in 0 }) {
        kind = settings.sampling.scheduler
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
        self.schedule = schedule
        var runs: [Run] = []
        for (step, expert) in schedule.timesteps.map(expert).enumerated() {
            if let last = runs.last, last.expert == expert {
                runs[runs.count - 1] = Run(expert: expert, steps: last.steps.lowerBound..<step + 1)
            } else {
                runs.append(Run(expert: expert, steps: step..<step + 1))
            }
        }
        self.runs = runs
    }

    /// The run that step `index` belongs to.
    func run(of index: Int) -> Run {
        runs.first { $0.steps.contains(index) } ?? Run(expert: 0, steps: index..<index + 1)
    }
}
