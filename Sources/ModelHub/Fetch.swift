import Files
import Glibc
import HTTPClient
import Threads
import VideoTypes

/// Fetches some files over several connections, each file checked before it has its name.
final class Fetch: Sendable {
    private let client: HubClient
    private let place: HubClient.Place
    private let folder: PullFolder
    private let settings: HubSettings
    private let state: Monitor<State>

    private struct State {
        var queue: [Task] = []
        /// Segments of a file that are not there yet.
        var left: [String: Int] = [:]
        /// How often a file came whole and was not what it should be.
        var spoilt: [String: Int] = [:]
        var finished: [HubFile] = []
        var workers = 0
        var failure: HubError?
    }

    private struct Task {
        let part: PartFile
        let segment: Int
    }

    init(_ client: HubClient, _ place: HubClient.Place, into folder: PullFolder) {
        self.client = client
        self.place = place
        self.folder = folder
        settings = client.settings
        state = Monitor(State())
    }

    /// Blocks until all files are in their places, or none can come any more.
    ///
    /// - Parameters:
    ///   - watch: asked some times a second, told how many bytes of the files are there; whether to go on.
    ///   - each: told of each file that is in its place, by its bytes and its digest.
    func run(
        _ files: [HubFile], watch: (_ doneBytes: Int) -> Bool, each: (HubFile) throws(HubError) -> Void
    ) throws(HubError) {
        let parts = try parts(files)
        state.change { state in
            for part in parts {
                let segments = part.segments.indices.filter { part.done($0) < part.segments[$0].count }
                // A file that was whole when its process ended has still to be looked at.
                let open = segments.isEmpty ? [part.segments.count - 1] : segments
                state.left[part.file.path] = open.count
                state.queue += open.map { Task(part: part, segment: $0) }
            }
        }
        let threads = try start(min(settings.connections, max(state.change { $0.queue.count }, 1)))
        var told = 0
        while true {
            state.wait(seconds: 0.2) { $0.workers == 0 || $0.finished.count > told }
            let (finished, isOver) = state.change { ($0.finished, $0.workers == 0) }
            do throws(HubError) {
                for file in finished[told...] { try each(file) }
            } catch {
                fail(error)
            }
            told = finished.count
            let whole = Set(finished.map(\.path))
            let done = parts.reduce(0) { $0 + (whole.contains($1.file.path) ? $1.file.bytes : $1.doneBytes) }
            if !watch(done) {
                client.cancellation.cancel()
                fail(.cancelled)
            }
            if isOver { break }
        }
        for thread in threads { thread.join() }
        if let failure = state.change({ $0.failure }) { throw failure }
    }

    private func parts(_ files: [HubFile]) throws(HubError) -> [PartFile] {
        var parts: [PartFile] = []
        for file in files {
            guard file.bytes > 0 else {
                throw .badAnswer(host: settings.endpoint.authority, problem: "\(file.path) is empty")
            }
            parts.append(
                try PartFile(
                    file, at: try folder.part(of: file.path), identity: "\(place.repository) \(place.revision)",
                    segmentBytes: settings.segmentBytes))
        }
        return parts
    }

    private func start(_ count: Int) throws(HubError) -> [OwnThread] {
        var threads: [OwnThread] = []
        for _ in 0..<count {
            state.change { $0.workers += 1 }
            guard let thread = OwnThread({ [self] in work() }) else {
                state.change { $0.workers -= 1 }
                break
            }
            threads.append(thread)
        }
        guard !threads.isEmpty else { throw .failed(.init(.internalError, "the system gives no thread")) }
        return threads
    }

    private func fail(_ error: HubError) {
        state.change { state in
            state.failure = state.failure ?? error
            state.queue = []
        }
        // What the others fetch is not lost: it is noted.
        client.cancellation.cancel()
    }

    // MARK: a worker

    private func work() {
        defer { state.change { $0.workers -= 1 } }
        while let task = next() {
            do throws(HubError) {
                try fetch(task)
                let left = state.change { state in
                    state.left[task.part.file.path, default: 1] -= 1
                    return state.left[task.part.file.path] ?? 0
                }
                if left == 0 { try finish(task.part) }
            } catch {
                fail(error)
            }
        }
    }

    /// Waits while others may still give back a file that came spoilt.
    private func next() -> Task? {
        state.wait { state -> Task?? in
            if let task = state.queue.first {
                state.queue.removeFirst()
                return task
            }
            let isOver = state.failure != nil || state.left.values.allSatisfy { $0 == 0 }
            return isOver ? .some(nil) : nil
        }
    }

    private func fetch(_ task: Task) throws(HubError) {
        let (part, segment) = (task.part, task.segment)
        let range = part.segments[segment]
        do throws(HubError) {
            let done = { part.done(segment) }
            try client.persist(since: done) { () throws(Setback) in
                let open = (range.lowerBound + part.done(segment))..<range.upperBound
                guard !open.isEmpty else { return }
                try client.bytes(open, of: part.file, at: place) { bytes throws(HubError) in
                    try part.append(bytes, to: segment)
                }
            }
        } catch {
            try? part.note(segment)
            throw error
        }
        try part.note(segment)
    }

    /// Looks whether a file is what it should be, and gives it its name.
    private func finish(_ part: PartFile) throws(HubError) {
        let digest = try part.sha256(client.cancellation)
        if let expected = part.file.sha256, digest != expected {
            let spoilt = state.change { state in
                state.spoilt[part.file.path, default: 0] += 1
                return state.spoilt[part.file.path] ?? 0
            }
            try part.reset()
            // Once more: what an earlier process or a crash left may have been the reason.
            guard spoilt < 2 else {
                throw .digest(path: part.file.path, expected: expected, found: digest, declaredBy: "the hub")
            }
            state.change { state in
                state.left[part.file.path] = part.segments.count
                state.queue += part.segments.indices.map { Task(part: part, segment: $0) }
            }
            return
        }
        try part.publish(try folder.place(of: part.file.path))
        var file = part.file
        file.sha256 = digest
        state.change { $0.finished.append(file) }
    }
}
