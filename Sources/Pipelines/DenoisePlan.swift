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

    init(_ settings: VideoSettings, _ components: WanComponents) {
        kind = settings.sampling.scheduler
        let train = components.scheduler.trainTimesteps
        // Another scheduler than the folder's walks plain levels.
        let shape = components.scheduler.kind == kind ? components.scheduler.shape : Schedule.Shape()
        // Without a shift the levels stay as they are.
        let shift = settings.sampling.shift ?? 1
        let schedule =
            switch settings.sampling.levels {
            case .sigmas(let levels):
                Schedule(kind, levels: levels, shift: shift, shape: shape, trainTimesteps: train)
            case .steps(let steps): Schedule(kind, steps: steps, shift: shift, shape: shape, trainTimesteps: train)
            }
        self.schedule = schedule
        // The high-noise expert serves timesteps from the boundary up.
        let experts = schedule.timesteps.map { timestep in
            guard let boundary = components.index.boundaryRatio else { return 0 }
            return Double(timestep) >= boundary * Double(train) ? 0 : 1
        }
        var runs: [Run] = []
        for (step, expert) in experts.enumerated() {
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
