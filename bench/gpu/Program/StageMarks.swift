import VideoTypes

/// When each step of a run was done, from which follows what each stage took.
struct StageMarks {
    private var marks: [(stage: VideoProgress.Stage, completed: Int, seconds: Double)] = []
    private var end: Double?

    mutating func note(_ progress: VideoProgress, at seconds: Double) {
        marks.append((progress.stage, progress.completed, seconds))
    }

    mutating func finish(at seconds: Double) { end = seconds }

    /// From each mark to the next.
    private var intervals: [(index: Int, seconds: Double)] {
        marks.indices.compactMap { index in
            let next = index + 1 < marks.count ? marks[index + 1].seconds : end
            return next.map { (index, $0 - marks[index].seconds) }
        }
    }

    func total(_ stage: VideoProgress.Stage) -> Double {
        intervals.filter { marks[$0.index].stage == stage }.reduce(0) { $0 + $1.seconds }
    }

    /// The seconds of each `load`, in order: text encoder, transformers with their text's keys and values, decoder.
    var loads: [Double] { intervals.filter { marks[$0.index].stage == .load }.map(\.seconds) }

    /// Steps of the denoiser; the first of each expert, which records its graphs, apart.
    var steps: (first: [Double], later: [Double]) {
        var (first, later): ([Double], [Double]) = ([], [])
        for (index, seconds) in intervals where marks[index].stage == .denoise {
            guard index + 1 < marks.count, marks[index + 1].stage == .denoise else { continue }
            if index > 0, marks[index - 1].stage == .denoise {
                later.append(seconds)
            } else {
                first.append(seconds)
            }
        }
        return (first, later)
    }
}
