import VideoTypes

/// What a local provider knows of its jobs and its engine; touched under a lock only.
struct LocalBooks {
    /// A clip that is remembered, lest the same request makes it again.
    struct Finished {
        let request: VideoRequest
        let result: VideoResult
    }

    enum Engine {
        case starting
        case working(EngineFacts)
        /// Another attempt is made with the next job.
        case failed(VideoError)
    }

    var engine = Engine.starting
    /// What there is to say about the device.
    var remarks: [String] = []
    /// Whether the engine has made a clip.
    var isWarm = false
    var times: TimeModel?
    /// What the device was seen to take while it works; nil where nobody counts.
    var measuredWatts: Double?
    var waiting: [LocalJob] = []
    var running: LocalJob?
    /// Callers that left before they came: a task may be cancelled at any moment.
    var left: Set<Int> = []
    /// Calls so far, whatever became of them.
    var callers = 0
    var isClosed = false
    private(set) var finished: [String: Finished] = [:]
    private var finishedOrder: [String] = []
    private var lastNumber = 0

    private static let mostFinished = 256

    mutating func nextNumber() -> Int {
        lastNumber += 1
        return lastNumber
    }

    mutating func remember(_ request: VideoRequest, _ result: VideoResult) {
        if finished.updateValue(Finished(request: request, result: result), forKey: request.id) == nil {
            finishedOrder.append(request.id)
        }
        if finishedOrder.count > Self.mostFinished { finished[finishedOrder.removeFirst()] = nil }
    }

    /// Changes the job that is not stopping and has this id; nil where there is none.
    mutating func withJob<R>(_ id: String, _ body: (inout LocalJob) -> R) -> R? {
        if var job = running, job.request.id == id, job.stop == nil {
            defer { running = job }
            return body(&job)
        }
        guard let index = waiting.firstIndex(where: { $0.request.id == id }) else { return nil }
        return body(&waiting[index])
    }

    /// Takes out the jobs that wait and are too late now.
    mutating func takeLate(_ now: Double) -> [LocalJob] {
        let late = waiting.filter { $0.isLate(now) }
        if !late.isEmpty { waiting.removeAll { $0.isLate(now) } }
        return late
    }

    // MARK: forecasts

    /// Of what waits, as a service forecasts it; nil before the engine has said what it is.
    private var forecast: QueueForecast<Int>? {
        times.map { times in
            QueueForecast(
                waiting.map { .init(id: $0.number, work: $0.plan.work) }, model: times,
                startsCold: !isWarm && running == nil)
        }
    }

    /// What is left of the running job; nil where none runs.
    func rest(_ now: Double) -> TimeSpan? {
        guard let running, let whole = times?.estimate(running.plan.work, isCold: !isWarm) else { return nil }
        return (running.progress ?? ClipProgress(now: running.started)).rest(of: whole, at: now)
    }

    /// A new job's own time and when it would be ready.
    func forecast(_ plan: ClipPlan, _ now: Double) -> (own: ClipTime, ready: TimeEstimate)? {
        forecast?.newClip(plan.work, behind: rest(now) ?? TimeSpan())
    }
}
