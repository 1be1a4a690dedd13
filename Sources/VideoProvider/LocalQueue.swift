import Glibc
import Threads
import VideoTypes

/// The line in front of one engine, and the thread that works it off.
package final class LocalQueue: Sendable {
    /// An engine and what there is to say about it.
    package struct Equipment {
        let engine: any ClipEngine
        /// What there is to say about the device.
        let remarks: [String]

        package init(engine: any ClipEngine, remarks: [String] = []) {
            self.engine = engine
            self.remarks = remarks
        }
    }

    typealias MakeEngine = @Sendable () throws(VideoError) -> Equipment

    private let name: String
    private let folder: String
    private let economics: Economics
    private let maxQueued: Int
    private let clock: @Sendable () -> Double
    private let books = Monitor(LocalBooks())

    init(_ options: LocalVideoProvider.Options, clock: @escaping @Sendable () -> Double) throws(VideoError) {
        name = options.name
        folder = options.outputFolder
        economics = options.economics
        maxQueued = options.maxQueued
        self.clock = clock
        unsafe mkdir(folder, 0o777)
        guard isWritable else {
            throw VideoError(
                .outputFailed, "cannot write clips: no writable folder \(folder)", hint: "create it first")
        }
    }

    /// Starts the thread and waits until it has an engine.
    func start(_ make: @escaping MakeEngine) throws(VideoError) {
        let thread = OwnThread { self.run(make) }
        guard let thread else { throw VideoError(.internalError, "the system gives no thread") }
        thread.detach()
        let outcome: Result<Void, VideoError> = books.wait { books in
            switch books.engine {
            case .starting: nil
            case .working: .success(())
            case .failed(let error): .failure(error)
            }
        }
        if case .failure = outcome { close() }
        try outcome.get()
    }

    /// Ends the thread after the running clip.
    func close() { books.change { $0.isClosed = true } }

    // MARK: questions

    var isWarm: Bool { books.change { $0.isWarm } }

    var remarks: [String] { books.change { $0.remarks } }

    /// nil while no engine is open.
    var facts: EngineFacts? {
        books.change { books in
            if case .working(let facts) = books.engine { facts } else { nil }
        }
    }

    var health: ProviderHealth {
        var reasons: [String] = []
        if case .failed(let error) = books.change({ $0.engine }) { reasons.append(error.message) }
        if !isWritable { reasons.append("the folder for clips cannot be written") }
        return reasons.isEmpty ? .ready : .unavailable(reasons)
    }

    private var isWritable: Bool { unsafe access(folder, W_OK | X_OK) == 0 }

    func forecast(_ plan: ClipPlan) -> (ready: TimeEstimate, cost: ClipCost)? {
        let now = clock()
        return books.change { books in
            books.forecast(plan, now).map { ($0.ready, self.cost($0.own.p50, books)) }
        }
    }

    /// Why a request would not be taken in now; nil where it would.
    func refusal(_ request: VideoRequest, _ plan: ClipPlan) -> ProviderError? {
        let now = clock()
        return books.change { self.refusal(request, plan, $0, now) }
    }

    private func refusal(
        _ request: VideoRequest, _ plan: ClipPlan, _ books: LocalBooks, _ now: Double
    ) -> ProviderError? {
        // Where nothing runs, the first that waits is about to.
        guard books.waiting.count < max(0, maxQueued) + (books.running == nil ? 1 : 0) else {
            // A place is free as soon as the running clip is finished.
            return .capacity(retryAfterSeconds: books.rest(now)?.p50)
        }
        guard let forecast = books.forecast(plan, now) else { return nil }
        if let limit = request.maxLatencySeconds, !forecast.ready.isWithin(limit) { return .deadline }
        if let limit = request.maxCostDollars, cost(forecast.own.p50, books).marginalDollars > limit { return .budget }
        return nil
    }

    private func cost(_ seconds: Double, _ books: LocalBooks) -> ClipCost {
        var backend = ""
        if case .working(let facts) = books.engine { backend = facts.backend }
        return economics.cost(seconds: seconds, joules: books.measuredWatts.map { $0 * seconds }, backend: backend)
    }

    // MARK: callers

    var callers: Int { books.change { $0.callers } }

    func ticket() -> Int { books.change { $0.nextNumber() } }

    func forget(_ ticket: Int) { books.change { _ = $0.left.remove(ticket) } }

    /// Takes a job in, or lets its caller share one that is there.
    func submit(_ request: VideoRequest, _ plan: ClipPlan, _ waiter: LocalJob.Waiter) {
        let now = clock()
        let outcome: LocalJob.Outcome? = books.change { books in
            books.callers += 1
            if books.left.remove(waiter.ticket) != nil { return .failure(.cancelled) }
            if let finished = books.finished[request.id], Self.exists(finished.result.path) {
                return finished.request == request ? .success(finished.result) : .failure(.idInUse)
            }
            let joined = books.withJob(request.id) { job in
                guard job.request == request else { return false }
                job.waiters.append(waiter)
                return true
            }
            if let joined { return joined ? nil : .failure(.idInUse) }
            if let refusal = refusal(request, plan, books, now) { return .failure(refusal) }
            books.waiting.append(
                LocalJob(
                    number: books.nextNumber(), request: request, plan: plan, submitted: now, waiter: waiter))
            return nil
        }
        if let outcome { waiter.finish(outcome) }
    }

    private static func exists(_ path: String) -> Bool { unsafe access(path, R_OK) == 0 }

    /// A caller whose task is cancelled; a job that nobody waits for any more stops.
    func leave(_ ticket: Int) {
        let waiter: LocalJob.Waiter? = books.change { books in
            if var job = books.running, let index = job.waiters.firstIndex(where: { $0.ticket == ticket }) {
                defer { books.running = job }
                // The last one is told when the engine has stopped.
                if job.waiters.count > 1 { return job.waiters.remove(at: index) }
                job.stop = job.stop ?? .cancelled
                return nil
            }
            for position in books.waiting.indices {
                let waiters = books.waiting[position].waiters
                guard let index = waiters.firstIndex(where: { $0.ticket == ticket }) else { continue }
                let waiter = books.waiting[position].waiters.remove(at: index)
                if waiters.count == 1 { books.waiting.remove(at: position) }
                return waiter
            }
            books.left.insert(ticket)
            return nil
        }
        waiter?.finish(.failure(.cancelled))
    }

    /// Stops a job for everybody who waits for it.
    func cancel(_ id: String) {
        let job: LocalJob? = books.change { books in
            if let job = books.running, job.request.id == id, job.stop == nil { books.running?.stop = .cancelled }
            guard let index = books.waiting.firstIndex(where: { $0.request.id == id }) else { return nil }
            return books.waiting.remove(at: index)
        }
        job?.finish(.failure(.cancelled))
    }

    // MARK: the thread

    private func run(_ make: MakeEngine) {
        var equipment = open(make)
        while let job = next() {
            equipment = equipment ?? open(make)
            guard let current = equipment else {
                end(job, .failure(ProviderError(failure)))
                continue
            }
            do throws(VideoError) {
                let report = try current.engine.generate(
                    job.plan.settings, pictures: job.request.referenceImages, to: path(job), keepsExisting: true,
                    checkpoint: nil, viewer: nil
                ) { progress in self.note(progress) }
                end(job, .success(learn(job, report)))
            } catch {
                // What broke under it is opened again; the rest goes on as it is.
                if [.deviceLost, .deviceUnavailable, .internalError].contains(error.code) {
                    equipment = nil
                    books.change { $0.isWarm = false }
                }
                let stop = books.change { $0.running?.stop }
                end(job, .failure(error.code == .cancelled ? stop ?? .cancelled : ProviderError(error)))
            }
        }
    }

    private func open(_ make: MakeEngine) -> Equipment? {
        do throws(VideoError) {
            let equipment = try make()
            let facts = equipment.engine.facts
            books.change { books in
                books.engine = .working(facts)
                books.remarks = equipment.remarks
                if books.times?.key != TimeModel.key(facts) { books.times = TimeModel(prior: facts) }
            }
            return equipment
        } catch {
            books.change { $0.engine = .failed(error) }
            return nil
        }
    }

    private var failure: VideoError {
        if case .failed(let error) = books.change({ $0.engine }) {
            error
        } else {
            VideoError(.internalError, "no engine")
        }
    }

    /// Waits for a job that is not too late; nil when nobody wants any more.
    private func next() -> LocalJob? {
        while true {
            let (late, job): ([LocalJob], LocalJob?) = books.wait { [clock] books in
                let now = clock()
                let late = books.takeLate(now)
                if !late.isEmpty { return (late, nil) }
                if books.waiting.isEmpty { return books.isClosed ? ([], nil) : nil }
                var job = books.waiting.removeFirst()
                job.started = now
                job.progress = ClipProgress(now: now)
                books.running = job
                return ([], job)
            }
            for job in late { job.finish(.failure(.deadline)) }
            if late.isEmpty { return job }
        }
    }

    /// Ids come from outside: one that is no plain word names no file.
    private func path(_ job: LocalJob) -> String {
        let id = job.request.id
        let isPlain =
            (1...64).contains(id.utf8.count)
            && id.utf8.allSatisfy { byte in
                (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
                    || byte == UInt8(ascii: "-")
            }
        return "\(folder)/\(isPlain ? id : VideoRequest(prompt: "").id).mp4"
    }

    /// Passes a report on; says whether to go on.
    private func note(_ progress: VideoProgress) -> Bool {
        let now = clock()
        let (waiters, late, goesOn): ([LocalJob.Waiter], [LocalJob], Bool) = books.change { books in
            let late = books.takeLate(now)
            guard var job = books.running else { return ([], late, false) }
            job.progress?.report(progress, now: now)
            if job.stop == nil, job.isLate(now) { job.stop = .deadline }
            books.running = job
            return (job.waiters, late, job.stop == nil)
        }
        for job in late { job.finish(.failure(.deadline)) }
        if goesOn {
            for waiter in waiters { waiter.progress(progress) }
        }
        return goesOn
    }

    /// Takes in how long it took, and makes the result.
    private func learn(_ job: LocalJob, _ report: ClipReport) -> VideoResult {
        let (now, clip) = (clock(), report.settings.clip)
        let cost = economics.cost(of: report)
        let result = VideoResult(
            path: report.path, provider: name, model: report.model, durationSeconds: clip.durationSeconds,
            frames: clip.frames, width: clip.width, height: clip.height,
            costDollars: cost.marginalDollars, latencySeconds: now - job.submitted,
            metadata: Self.metadata(report, cost, queued: job.started - job.submitted))
        books.change { books in
            books.times?.learn(
                TimeSample(work: job.plan.work, isCold: !books.isWarm, stageSeconds: report.stageSeconds))
            books.isWarm = true
            if let watts = report.watts { books.measuredWatts = watts }
            books.remember(job.request, result)
        }
        return result
    }

    private static func metadata(_ report: ClipReport, _ cost: ClipCost, queued: Double) -> [String: JSONText] {
        var fields = Dictionary(uniqueKeysWithValues: report.settings.jsonFields)
        let stages = VideoProgress.Stage.allCases.compactMap { stage in
            report.stageSeconds[stage].map { (stage.rawValue, JSONText.number($0)) }
        }
        fields["stage_seconds"] = .object(stages)
        fields["total_seconds"] = .number(report.totalSeconds)
        fields["queue_seconds"] = .number(queued)
        fields["backend"] = .string(report.backend)
        fields["dtype"] = .string(report.dtype)
        fields["encoder"] = .string(report.encoder)
        fields["bytes"] = .integer(report.fileBytes)
        fields["energy_joules"] = .number(cost.joules)
        fields["energy_is_estimated"] = .bool(cost.isEstimated)
        fields["amortised_cost_dollars"] = .number(cost.amortisedDollars)
        return fields
    }

    /// Tells everybody who waits now, those who came meanwhile included.
    private func end(_ job: LocalJob, _ outcome: LocalJob.Outcome) {
        let ended = books.change { books in
            defer { books.running = nil }
            return books.running
        }
        (ended ?? job).finish(outcome)
    }
}
