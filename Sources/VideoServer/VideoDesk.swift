import Crypto
import Files
import Glibc
import HTTPServer
import JobRunner
import JobStore
import Media
import VideoProvider
import VideoTypes

/// What can be done with clips, apart from how it is asked for.
struct VideoDesk: Sendable {
    let store: JobStore
    let runner: JobRunner
    let maker: Maker
    let webhooks: WebhookPolicy
    let economics: Economics
    let expiresAfterSeconds: Int
    let faults: FaultLog
    let marks = ProgressMarks()
    let refusals = RefusedOrders()

    private static let longestClipSeconds = 86_400.0

    /// A client's wish that a request be made only once.
    struct Repetition {
        var key: String?
        /// Whether the client says that it asks again.
        var isRetry = false
    }

    /// Who makes the clips.
    enum Maker: Sendable {
        case worker(VideoPlanner)
        case router(RoutedService)
    }

    /// Of the model that is served; the same for every planner.
    let modelName: String
    let samplePrompt: String
    let limits: ProviderCapabilities.Limits

    /// The LoRAs that an order may name.
    var adapters: [AdapterListing] { if case .worker(let planner) = maker { planner.adapters } else { [] } }

    /// Whether `name` is a name of the model that is served.
    func isCalled(_ name: String) -> Bool {
        name == modelName || modelName == BuiltInModel.name && BuiltInModel.isCalled(name)
    }

    // MARK: Making

    /// - Parameter isForecast: whether the pictures that the model needs may still be missing.
    func quote(_ request: CreateRequest, owner: String?, isForecast: Bool = false) throws(APIError) -> Quote {
        switch maker {
        case .worker(let planner): try quote(request, planner, owner: owner, isForecast: isForecast)
        case .router(let routed): try quote(request, by: routed, owner: owner)
        }
    }

    private func quote(
        _ request: CreateRequest, _ planner: VideoPlanner, owner: String?, isForecast: Bool
    ) throws(APIError) -> Quote {
        if let model = request.model, !isCalled(model) {
            throw APIError(
                404, "model_not_found", "there is no model '\(model.clipped)' here; leave it out, or see /v1/models",
                parameter: "model")
        }
        let adapters = Set(planner.adapters.map(\.name))
        guard (request.video.adapters ?? []).allSatisfy({ adapters.contains($0.name) }) else {
            throw .invalid(
                Parameter.lora.name, "names what this server does not have; /v1/loras lists what it has",
                code: "unknown_lora")
        }
        let pictures = try ReferencePicture.images(of: request)
        if let picture = pictures.first, limits.maxReferenceImages == 0 {
            throw .invalid(
                ReferencePicture.name(picture.role), "cannot be used: this model makes clips from text alone",
                code: "unsupported_parameter")
        }
        if request.video.wantsAudio {
            throw .invalid("generate_sound", "is not possible with this model", code: "unsupported_parameter")
        }
        if let webhook = request.webhook { _ = try webhooks.admit(webhook) }
        var video = request.video
        video.referenceImages = pictures
        let plan = try plan(video, planner, isForecast: isForecast)
        let state = runner.state
        let time = runner.clipTime(for: plan)
        let cost = economics.cost(
            seconds: time.p50, joules: state.measuredWatts.map { $0 * time.p50 },
            backend: state.facts?.backend ?? "cpu")
        let estimate = try journal { () throws(StoreError) in
            try runner.estimate(for: plan, priority: request.priority, owner: owner)
        }
        let planned = Quote.Planned(plan: plan, time: time, cost: cost)
        return Quote(work: .planned(planned), estimate: estimate, pictures: pictures)
    }

    func submit(
        _ request: CreateRequest, _ quote: Quote, hash: String, owner: String?, repetition: Repetition
    ) throws(APIError) -> Job {
        let seconds = request.expiresAfterSeconds ?? expiresAfterSeconds
        var order =
            switch quote.work {
            case .planned(let planned):
                JobOrder(plan: planned.plan, requestHash: hash, expiresAfterSeconds: seconds)
            case .routed(let routed):
                JobOrder(routed: routed.order, requestHash: hash, expiresAfterSeconds: seconds)
            }
        order.priority = request.priority
        order.quality = request.video.quality
        order.metadata = request.metadata
        if let webhook = request.webhook { order.webhook = try webhooks.admit(webhook) }
        return try submit(order, quote.pictures, owner: owner, repetition: repetition)
    }

    /// The same clip with another prompt.
    func remix(
        _ job: Job, prompt: String, hash: String, owner: String?, repetition: Repetition
    ) throws(APIError) -> Job {
        let images = try pictures(of: job)
        var order = try sameOrder(as: job, prompt: prompt, images, hash)
        order.priority = job.order.priority
        order.quality = job.order.quality
        order.metadata = job.order.metadata
        order.remixedFrom = job.id
        return try submit(order, images, owner: owner, repetition: repetition)
    }

    private func sameOrder(
        as job: Job, prompt: String, _ images: [ReferenceImage], _ hash: String
    ) throws(APIError) -> JobOrder {
        let seconds = job.order.expiresAfterSeconds
        if var routed = job.order.routed {
            routed.request.prompt = prompt
            return JobOrder(routed: routed, requestHash: hash, expiresAfterSeconds: seconds)
        }
        guard let old = job.order.plan, case .worker(let planner) = maker else {
            throw APIError(409, "made_elsewhere", "the video was made by a worker, and this service has a router")
        }
        var request = VideoRequest(old.settings)
        request.prompt = prompt
        request.referenceImages = images
        return JobOrder(plan: try plan(request, planner), requestHash: hash, expiresAfterSeconds: seconds)
    }

    /// What a clip was made from, kept as long as the clip.
    private func pictures(of job: Job) throws(APIError) -> [ReferenceImage] {
        var images: [ReferenceImage] = []
        for role in job.order.pictureRoles {
            do throws(PictureError) {
                images.append(try PictureFile(path: store.outputs.inputPath(job.id, role)).image(role))
            } catch {
                throw APIError(410, "input_gone", "the picture that the video was made from is gone")
            }
        }
        return images
    }

    private func plan(
        _ request: VideoRequest, _ planner: VideoPlanner, isForecast: Bool = false
    ) throws(APIError) -> ClipPlan {
        var request = request
        // The nearest number that the model makes is made, and told.
        if let frames = request.frames {
            let step = limits.frameStep
            request.frames = (frames - 1 + step / 2) / step * step + 1
        }
        do throws(VideoError) {
            let facts = runner.state.facts
            return try isForecast
                ? planner.plan(forecasting: request, on: facts) : planner.plan(for: request, on: facts)
        } catch {
            throw .refused(error)
        }
    }

    /// Whether this order is there already, so that its limits were checked when it came first.
    func isKnown(hash: String, owner: String?, repetition: Repetition) throws(APIError) -> Bool {
        try journal { () throws(StoreError) in
            try store.isKnown(
                requestHash: hash, owner: owner, idempotencyKey: repetition.key, isRetry: repetition.isRetry)
        }
    }

    /// Refuses what cannot be ready in time, costs too much, or would keep the machine busy for days.
    func checkLimits(_ request: VideoRequest, _ quote: Quote) throws(APIError) {
        switch quote.work {
        case .planned(let planned): try checkLimits(request, planned, quote.estimate)
        case .routed(let routed): try checkLimits(routed)
        }
    }

    private func checkLimits(
        _ request: VideoRequest, _ quote: Quote.Planned, _ estimate: TimeEstimate?
    ) throws(APIError) {
        guard quote.time.p50 <= Self.longestClipSeconds else {
            throw APIError(400, "clip_too_long", "the clip would take more than a day; make it shorter or smaller")
        }
        if let limit = request.maxLatencySeconds, let estimate, !estimate.isWithin(limit) {
            throw .invalid(
                "max_latency_seconds",
                "cannot be met: the clip would be ready in about "
                    + "\(Int(estimate.p90.rounded(.up))) seconds", code: "deadline_exceeded")
        }
        if let limit = request.maxCostDollars, quote.cost.marginalDollars > limit {
            throw .invalid(
                "max_cost_dollars", "cannot be kept: the clip would cost about \(quote.cost.marginalDollars)",
                code: "budget_exceeded")
        }
    }

    private func submit(
        _ order: JobOrder, _ pictures: [ReferenceImage], owner: String?, repetition: Repetition
    ) throws(APIError) -> Job {
        // Who was turned away and comes again has lost no answer: an equal job before it is another one.
        let isRetry = repetition.isRetry && !refusals.take(order.requestHash)
        let outcome = try journal { () throws(StoreError) in
            try runner.submit(
                order, pictures: pictures, owner: owner, idempotencyKey: repetition.key, isRetry: isRetry)
        }
        switch outcome {
        case .stored(.created(let job)): return job
        case .stored(.existing(let job)): return try journal { () throws(StoreError) in try store.settled(job) }
        case .stored(.keyReused):
            throw APIError(
                422, "idempotency_key_reused", "this Idempotency-Key came with another request before",
                parameter: "Idempotency-Key")
        case .stored(.refused): throw .serviceFailed("an order was refused without a reason")
        case .refused(let refusal):
            refusals.note(order.requestHash)
            throw .refused(refusal)
        }
    }

    /// Whether the clip would be taken now.
    func admission(_ quote: Quote, priority: Int, owner: String?) throws(APIError) -> Admission {
        try journal { () throws(StoreError) in
            try runner.admission(quote.roomWork, priority: priority, owner: owner)
        }
    }

    // MARK: Looking

    func job(_ id: JobID, owner: String?) throws(APIError) -> Job {
        let job = try journal { () throws(StoreError) in
            try store.job(id, owner: owner).map { (job) throws(StoreError) in try store.settled(job) }
        }
        guard let job else { throw .noSuchVideo }
        return job
    }

    func object(_ job: Job) -> VideoObject {
        let percent = marks.percent(job) {
            let events = faults.value("reading the events of a job") { () throws(StoreError) in
                try store.events(of: job.id, after: 0)
            }
            return (events ?? []).compactMap(EventText.progress)
        }
        let place = faults.value("reading the queue") { () throws(StoreError) in
            try self.place(of: job)
        }
        return VideoObject(
            job: job, percent: percent, place: place ?? nil,
            model: modelName, economics: economics)
    }

    private func place(of job: Job) throws(StoreError) -> QueuePlace? {
        guard !job.state.isFinal else { return nil }
        guard let order = job.order.routed else { return try runner.place(of: job.id) }
        // Elsewhere nobody tells how far a clip is: what is left of what was foretold.
        guard let estimate = order.estimate, estimate.p90.isFinite else { return nil }
        let waited = max(SystemClock.unix() - Double(job.createdAt), 0)
        let rest = TimeEstimate(
            queueSeconds: 0, p50: max(estimate.p50 - waited, 0), p90: max(estimate.p90 - waited, 0))
        return QueuePlace(position: job.state == .inProgress ? 0 : 1, estimate: rest)
    }

    /// The job as it is told; nil where there is none, or the journal cannot be read.
    func object(_ id: JobID) -> JSONText? {
        let job = faults.value("reading a job") { () throws(StoreError) in try store.job(id) }
        return (job ?? nil).map { object($0).json }
    }

    /// What the journal says, or the API's words for its failure.
    func journal<Value>(_ body: () throws(StoreError) -> Value) throws(APIError) -> Value {
        do throws(StoreError) {
            return try body()
        } catch {
            // A folder that is not where it was explains whatever fails in it.
            throw .storeFailed(store.trouble ?? error)
        }
    }
}

extension APIError {
    /// The runner takes no more work now.
    static func refused(_ refusal: Refusal) -> APIError {
        let seconds = Int(min(max(refusal.retryAfterSeconds.rounded(.up), 1), 86_400))
        return switch refusal.reason {
        case .queueFull, .ownShareFull, .queueTooLong: APIError(429, "queue_full", refusal.message, retryAfter: seconds)
        case .diskReserve: APIError(503, "disk_full", refusal.message, retryAfter: seconds)
        case .folderUnusable: APIError(503, "storage_unavailable", refusal.message, retryAfter: seconds)
        case .draining: APIError(503, "shutting_down", refusal.message, retryAfter: seconds)
        case .unhealthy: APIError(503, "engine_unavailable", refusal.message, retryAfter: seconds)
        }
    }
}
