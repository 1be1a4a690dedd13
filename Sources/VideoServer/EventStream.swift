import Glibc
import JobStore
import Synchronization
import VideoTypes

/// The events of one job as server-sent events: numbers of the journal as ids, so that a reader can go on where it was.
final class EventStream: Sendable {
    private static let turnSeconds = 0.5
    private static let heartbeatSeconds = 15.0

    private let job: Job
    private let store: JobStore
    private let object: @Sendable (JobID) -> JSONText?
    private let seat: Seats.Seat
    private let faults: FaultLog
    private let clock: @Sendable () -> Double
    private let state: Mutex<State>

    private struct State {
        /// The last event that the reader has.
        var last: Int
        /// The percentage never falls, whichever attempt an event is from.
        var percent = 0
        /// The last event that was looked at.
        var seen = 0
        var isOver = false
        var spokeAt: Double
    }

    /// - Parameters:
    ///   - after: the number that the reader saw last; 0 for all.
    ///   - object: the job as the API shows it, for the last event.
    init(
        _ job: Job, after: Int, store: JobStore, seat: Seats.Seat, faults: FaultLog,
        object: @escaping @Sendable (JobID) -> JSONText?, clock: @escaping @Sendable () -> Double
    ) {
        self.faults = faults
        self.job = job
        self.store = store
        self.seat = seat
        self.object = object
        self.clock = clock
        state = Mutex(State(last: after, spokeAt: clock()))
    }

    /// What comes next: nothing where there is no news, nil at the end.
    func next() -> [UInt8]? {
        let (seen, isOver) = state.withLock { ($0.seen, $0.isOver) }
        if isOver { return nil }
        // A journal that cannot be read ends the stream: the reader comes back with the last id.
        let found = faults.value("reading the events of a job") { () throws(StoreError) in
            try store.waitForEvents(of: job.id, after: seen, seconds: Self.turnSeconds)
        }
        guard let events = found else { return nil }
        if events.isEmpty { return pause() }
        var text = ""
        for event in events { text += take(event) }
        return Array(text.utf8)
    }

    private func pause() -> [UInt8]? {
        // A deleted job has no more events.
        let found = faults.value("reading a job") { () throws(StoreError) in try store.job(job.id) }
        guard let known = found ?? nil else { return nil }
        let now = clock()
        return state.withLock { state in
            // A reader that resumes behind the last event gets nothing but the end.
            if known.state.isFinal { return nil }
            guard now - state.spokeAt >= Self.heartbeatSeconds else { return [] }
            state.spokeAt = now
            return Array(": still here\n\n".utf8)
        }
    }

    private func take(_ event: JobEvent) -> String {
        let now = clock()
        let progress = EventText.progress(event)
        let (percent, isNew) = state.withLock { state in
            state.seen = event.number
            if let progress {
                state.percent = max(state.percent, ProgressShare.percent(progress, of: job.order.work))
            }
            state.isOver = EventText.isFinal(event)
            state.spokeAt = now
            return (state.percent, event.number > state.last)
        }
        guard isNew else { return "" }
        return "id: \(event.number)\nevent: \(event.kind.rawValue)\ndata: \(data(event, progress, percent))\n\n"
    }

    private func data(_ event: JobEvent, _ progress: VideoProgress?, _ percent: Int) -> String {
        if let progress {
            return JSONText.object([
                ("stage", .string(progress.stage.rawValue)), ("step", .integer(progress.completed)),
                ("steps_total", .integer(progress.total)), ("progress", .integer(percent)),
            ]).description
        }
        // What others may know of a failure is the object's affair: the journal's own text may name paths.
        if event.kind == .completed || event.kind == .failed { return object(job.id)?.description ?? "{}" }
        return event.text
    }
}
