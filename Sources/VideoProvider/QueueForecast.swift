package import VideoTypes

/// What clips that wait will take, one after the other, on an engine that makes one at a time.
package struct QueueForecast<ID: Hashable & Sendable>: Sendable {
    /// One that waits.
    package struct Clip: Sendable {
        let id: ID
        let owner: String?
        let priority: Int
        let isSuspect: Bool
        let work: WorkEstimate
        let outputBytes: Int

        package init(
            id: ID, work: WorkEstimate, owner: String? = nil, priority: Int = 0, isSuspect: Bool = false,
            outputBytes: Int = 0
        ) {
            self.id = id
            self.owner = owner
            self.priority = priority
            self.isSuspect = isSuspect
            self.work = work
            self.outputBytes = outputBytes
        }
    }

    private struct Entry {
        let clip: Clip
        let ahead: TimeSpan
        let own: TimeSpan
    }

    private let model: TimeModel
    private let startsCold: Bool
    /// In the order of work.
    private let waiting: [Entry]
    private let indices: [ID: Int]

    /// - Parameter startsCold: whether the first of them has to load the weights.
    package init(_ queue: [Clip], model: TimeModel, startsCold: Bool) {
        var entries: [Entry] = []
        var indices: [ID: Int] = [:]
        var ahead = TimeSpan()
        for (index, clip) in queue.enumerated() {
            let own = TimeSpan(model.estimate(clip.work, isCold: startsCold && index == 0))
            entries.append(Entry(clip: clip, ahead: ahead, own: own))
            indices[clip.id] = index
            ahead = ahead + own
        }
        self.model = model
        self.startsCold = startsCold
        waiting = entries
        self.indices = indices
    }

    package var count: Int { waiting.count }
    /// Of all of them.
    package var total: TimeSpan { waiting.last.map { $0.ahead + $0.own } ?? TimeSpan() }
    /// That their files may take; as many as there can be where they are more.
    package var outputBytes: Int {
        waiting.reduce(0) { sum, entry in
            let (bytes, isTooLarge) = sum.addingReportingOverflow(entry.clip.outputBytes)
            return isTooLarge ? Int.max : bytes
        }
    }

    /// Where a waiting clip stands: 1 is next.
    package func place(of id: ID) -> (position: Int, ahead: TimeSpan, own: TimeSpan)? {
        indices[id].map { ($0 + 1, waiting[$0].ahead, waiting[$0].own) }
    }

    /// How many of them are this owner's.
    package func count(of owner: String?) -> Int { waiting.count { $0.clip.owner == owner } }

    /// What a new clip would wait for: its owner's own of at least its priority, and as many turns of each of the
    /// others.
    package func ahead(ofPriority priority: Int = 0, owner: String? = nil) -> TimeSpan {
        let waiting = waiting.filter { !$0.clip.isSuspect }
        let own = waiting.count { $0.clip.owner == owner && $0.clip.priority >= priority }
        var turns: [String?: Int] = [:]
        return waiting.reduce(TimeSpan()) { sum, entry in
            guard entry.clip.owner != owner else { return entry.clip.priority >= priority ? sum + entry.own : sum }
            turns[entry.clip.owner, default: 0] += 1
            return turns[entry.clip.owner, default: 0] <= own + 1 ? sum + entry.own : sum
        }
    }

    /// A new clip's own time, and when it would be ready.
    ///
    /// - Parameter rest: of the clip in the making.
    package func newClip(
        _ work: WorkEstimate, behind rest: TimeSpan, priority: Int = 0, owner: String? = nil
    ) -> (own: ClipTime, ready: TimeEstimate) {
        let own = model.estimate(work, isCold: startsCold && waiting.isEmpty)
        return (own, TimeEstimate(TimeSpan(own), behind: rest + ahead(ofPriority: priority, owner: owner)))
    }
}
