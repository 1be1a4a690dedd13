import JobStore
import VideoProvider
import VideoTypes

/// What the waiting jobs will take, one after the other.
struct QueueForecast {
    /// In the order of work.
    private let waiting: [Entry]
    private let indices: [JobID: Int]

    private struct Entry {
        let owner: String?
        let priority: Int
        let isSuspect: Bool
        let ahead: TimeSpan
        let own: TimeSpan
        let outputBytes: Int
    }

    /// - Parameter startsCold: whether the first of them has to load the weights.
    init(_ queue: [QueuedJob], model: TimeModel, startsCold: Bool) {
        var entries: [Entry] = []
        var indices: [JobID: Int] = [:]
        var ahead = TimeSpan()
        for (index, job) in queue.enumerated() {
            let time = model.estimate(job.work, isCold: startsCold && index == 0)
            let own = TimeSpan(time)
            entries.append(
                Entry(
                    owner: job.owner, priority: job.priority, isSuspect: job.isSuspect, ahead: ahead, own: own,
                    outputBytes: DiskRoom.outputBytes(of: job.work)))
            indices[job.id] = index
            ahead = ahead + own
        }
        waiting = entries
        self.indices = indices
    }

    var count: Int { waiting.count }
    /// Of all of them.
    var total: TimeSpan { waiting.last.map { $0.ahead + $0.own } ?? TimeSpan() }
    /// That their files may take.
    var outputBytes: Int { waiting.reduce(0) { DiskRoom.sum($0, $1.outputBytes) } }

    /// Where a waiting job stands: 1 is next.
    func place(of id: JobID) -> (position: Int, ahead: TimeSpan, own: TimeSpan)? {
        indices[id].map { ($0 + 1, waiting[$0].ahead, waiting[$0].own) }
    }

    /// How many of them are this owner's.
    func count(of owner: String?) -> Int { waiting.count { $0.owner == owner } }

    /// What a new job would wait for: its owner's own jobs of at least its priority, and as many turns of each of the
    /// others.
    func ahead(ofPriority priority: Int, owner: String? = nil) -> TimeSpan {
        let waiting = waiting.filter { !$0.isSuspect }
        let own = waiting.count { $0.owner == owner && $0.priority >= priority }
        var turns: [String?: Int] = [:]
        return waiting.reduce(TimeSpan()) { sum, entry in
            guard entry.owner != owner else { return entry.priority >= priority ? sum + entry.own : sum }
            turns[entry.owner, default: 0] += 1
            return turns[entry.owner, default: 0] <= own + 1 ? sum + entry.own : sum
        }
    }
}
