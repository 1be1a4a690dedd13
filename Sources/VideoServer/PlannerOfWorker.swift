import Synchronization
import VideoProvider
import VideoTypes

/// The planner that reckons with the device of the worker, once that is known.
final class PlannerOfWorker: Sendable {
    private let source: ModelSource
    private let state: Mutex<(facts: EngineFacts?, planner: VideoPlanner)>

    init(_ source: ModelSource, first: VideoPlanner) {
        self.source = source
        state = Mutex((nil, first))
    }

    func planner(for facts: EngineFacts?) throws(VideoError) -> VideoPlanner {
        let known = state.withLock { $0 }
        guard let facts, facts != known.facts else { return known.planner }
        let planner = try VideoPlanner(source, facts: facts)
        state.withLock { $0 = (facts, planner) }
        return planner
    }
}
