import Crypto
import Glibc
import HTTPServer
import JobRunner
import JobStore
import StrictJSON
import Synchronization
import VideoTypes

/// The routes below /v1/videos.
struct VideoRoutes: Sendable {
    let desk: VideoDesk
    let forecasts: Forecasts
    let pictures: ClipPictures
    let clock: ServiceClock
    /// Streams of events.
    let streams: Seats
    /// Connections that wait for a job.
    let waiters = Seats(limit: 64)
    let isStopping: @Sendable () -> Bool

    static func unsupported(_ name: String) -> APIError {
        name == "characters"
            ? APIError(404, "not_supported", "this server has no characters")
            : APIError(400, "not_supported", "this server makes clips from text alone: no \(name)")
    }

    // MARK: Making

    func create(_ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        switch try order(request, owner: owner) {
        case .plan(let response): return response
        case .job(let job): return answer(try awaited(job, request, owner: owner))
        }
    }

    /// Answers the clip itself.
    func createAndWait(_ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        guard let seat = waiters.take("sync", owner: owner) else {
            throw APIError(429, "too_many_waiters", "too many connections wait for clips", retryAfter: 10)
        }
        defer { withExtendedLifetime(seat) {} }
        switch try order(request, owner: owner) {
        case .plan(let response): return response
        case .job(let job):
            let end = try wait(for: job, until: .infinity, request, owner: owner)
            if let error = end.error {
                let status = error.code.httpStatus >= 500 ? 500 : error.code.httpStatus
                throw APIError(status, error.code.name, FailureText.message(error))
            }
            guard end.state.isFinal else { throw .stopping }
            var response = try file(of: end)
            response.headers.add("x-video-id", end.id.description)
            return response
        }
    }

    private enum Ordered {
        case plan(HTTPResponse)
        case job(Job)
    }

    private func order(_ request: HTTPRequest, owner: String?) throws(APIError) -> Ordered {
        let fields = try RequestBody.fields(of: request)
        var wanted = try CreateRequest(fields)
        wanted.video.traceParent = TraceParent.checked(request.headers["traceparent"])
        let quote = try desk.quote(wanted, owner: owner)
        let hash = try Self.hash(fields, of: "create", owner: owner)
        let repetition = try Self.repetition(request)
        if try !desk.isKnown(hash: hash, owner: owner, repetition: repetition) {
            try desk.checkLimits(wanted.video, quote)
        }
        if wanted.isDryRun {
            let head: [(String, JSONText)] = [
                ("id", .null), ("object", "video.dry_run"), ("model", .string(desk.modelName)),
                ("prompt", .string(wanted.video.prompt)), ("provider", QuoteText.provider(quote)),
            ]
            let admission = try desk.admission(quote, priority: wanted.priority, owner: owner)
            return .plan(AnswerWriter.json(.object(head + QuoteText.fields(quote, admission))))
        }
        let job = try desk.submit(wanted, quote, hash: hash, owner: owner, repetition: repetition)
        if job.state == .queued, let estimate = quote.estimate { forecasts.note(job.id, estimate.p50) }
        return .job(job)
    }

    func remix(_ id: JobID, _ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        let job = try desk.job(id, owner: owner)
        let fields = try RequestBody.fields(of: request)
        if let other = fields.keys.sorted().first(where: { $0 != "prompt" }) {
            throw APIError(
                400, "unknown_parameter", "a remix takes a prompt alone, no '\(other.clipped)'",
                parameter: other.clipped)
        }
        let prompt = try CreateRequest(fields).video.prompt
        let hash = try Self.hash(fields, of: "remix \(id)", owner: owner)
        let made = try desk.remix(
            job, prompt: prompt, hash: hash, owner: owner, repetition: try Self.repetition(request))
        return answer(try awaited(made, request, owner: owner))
    }

    /// Of what was asked for and by whom, however it was written.
    private static func hash(
        _ fields: [String: FieldValue], of action: String, owner: String?
    ) throws(APIError) -> String {
        let who = owner.map { "key " + $0 } ?? "nobody"
        do throws(CryptoError) {
            return try SHA256.hex(Array("\(action)\n\(who)\n".utf8) + FieldValue.canonicalBytes(of: fields))
        } catch {
            throw .serviceFailed("a request has no digest: \(error)")
        }
    }

    private static func repetition(_ request: HTTPRequest) throws(APIError) -> VideoDesk.Repetition {
        let key = request.headers["idempotency-key"]
        if let key {
            let isPlain = (1...255).contains(key.utf8.count) && key.utf8.allSatisfy { (0x21...0x7E).contains($0) }
            guard isPlain else {
                throw .invalid("Idempotency-Key", "must be 1 to 255 printable ASCII characters")
            }
        }
        let retries = request.headers["x-stainless-retry-count"] ?? "0"
        let isRetry = JSONNumber.isInteger(retries) && retries != "0" && !retries.hasPrefix("-")
        return VideoDesk.Repetition(key: key, isRetry: isRetry)
    }

    // MARK: Looking

    func list(_ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        let query = try ListQuery(request.query)
        let page = try desk.journal { () throws(StoreError) in
            try desk.store.page(
                owner: owner, after: query.after, limit: query.limit, ascending: query.isAscending)
        }
        guard let page else { throw .invalid("after", "names no video", code: "video_not_found") }
        let jobs = try desk.journal { () throws(StoreError) in
            try page.jobs.map { (job) throws(StoreError) in try desk.store.settled(job) }
        }
        let ids = jobs.map { JSONText.string($0.id.description) }
        return AnswerWriter.json(
            .object([
                ("object", "list"), ("data", .array(jobs.map { desk.object($0).json })),
                ("first_id", ids.first ?? .null), ("last_id", ids.last ?? .null), ("has_more", .bool(page.hasMore)),
            ]))
    }

    func retrieve(_ id: JobID, _ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        answer(try awaited(try desk.job(id, owner: owner), request, owner: owner))
    }

    func delete(_ id: JobID, owner: String?) throws(APIError) -> HTTPResponse {
        _ = try desk.job(id, owner: owner)
        let deleted = try desk.journal { () throws(StoreError) in try desk.runner.delete(id) }
        guard deleted != nil else { throw .noSuchVideo }
        pictures.forget(id)
        return AnswerWriter.json(
            .object([("id", .string(id.description)), ("object", "video.deleted"), ("deleted", true)]))
    }

    func cancel(_ id: JobID, owner: String?) throws(APIError) -> HTTPResponse {
        _ = try desk.job(id, owner: owner)
        let outcome = try desk.journal { () throws(StoreError) in try desk.runner.cancel(id) }
        switch outcome {
        case nil: throw .noSuchVideo
        case .cancelled(let job, _), .alreadyFinal(let job): return answer(job)
        }
    }

    /// The job, with when to look again.
    private func answer(_ job: Job) -> HTTPResponse {
        let object = desk.object(job)
        var response = AnswerWriter.json(object.json)
        guard !job.state.isFinal else { return response }
        if let place = object.place {
            response.headers.add("x-queue-position", "\(place.position)")
            let milliseconds = min(max(place.estimate.p50 / 20 * 1000, 250), 10_000)
            response.headers.add("openai-poll-after-ms", "\(Int(milliseconds))")
        }
        return response
    }

    // MARK: Waiting

    /// The job as it is, or as it is after the wait that the client prefers.
    private func awaited(_ job: Job, _ request: HTTPRequest, owner: String?) throws(APIError) -> Job {
        guard let seconds = WaitWish.seconds(request.headers["prefer"]), seconds > 0, !job.state.isFinal,
            let seat = waiters.take("wait", owner: owner)
        else { return job }
        defer { withExtendedLifetime(seat) {} }
        return try wait(for: job, until: clock.steady() + Double(seconds), request, owner: owner)
    }

    /// Who hangs up frees the seat; the clip is made all the same.
    private func wait(
        for job: Job, until end: Double, _ request: HTTPRequest, owner: String?
    ) throws(APIError) -> Job {
        var seen = 0
        while true {
            let now = try desk.job(job.id, owner: owner)
            let left = end - clock.steady()
            guard !now.state.isFinal, left > 0, !isStopping() else { return now }
            guard !request.isAbandoned() else { throw .clientGone }
            let events = try desk.journal { () throws(StoreError) in
                try desk.store.waitForEvents(of: job.id, after: seen, seconds: min(left, 1))
            }
            seen = events.last?.number ?? seen
        }
    }

    func events(_ id: JobID, _ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        let job = try desk.job(id, owner: owner)
        guard let seat = streams.take(id.description, owner: owner) else {
            throw APIError(429, "too_many_streams", "too many streams of events are open", retryAfter: 5)
        }
        let last = request.headers["last-event-id"].flatMap { JSONNumber.isInteger($0) ? Int($0) : nil } ?? 0
        let stream = EventStream(
            job, after: max(last, 0), store: desk.store, seat: seat, faults: desk.faults,
            object: { [desk] id in desk.object(id) }, clock: clock.steady)
        return HTTPResponse(
            status: 200,
            headers: HTTPHeaders([("Content-Type", "text/event-stream"), ("Cache-Control", "no-store")]),
            body: .stream { stream.next() })
    }

    // MARK: Files

    func content(_ id: JobID, _ request: HTTPRequest, owner: String?) throws(APIError) -> HTTPResponse {
        let job = try desk.job(id, owner: owner)
        let variants = request.query.filter { $0.name == "variant" }.map(\.value)
        guard request.query.allSatisfy({ $0.name == "variant" }), variants.count <= 1 else {
            throw APIError(400, "unknown_parameter", "the content has one parameter: variant", parameter: "variant")
        }
        switch variants.first ?? "video" {
        case "video": return try file(of: job)
        case "thumbnail": return try picture(of: job, .thumbnail)
        case "spritesheet": return try picture(of: job, .spritesheet)
        case "preview": return try preview(of: job)
        default: throw .invalid("variant", "must be video, thumbnail, spritesheet or preview")
        }
    }

    /// A sketch of a clip while it is made.
    private func preview(of job: Job) throws(APIError) -> HTTPResponse {
        guard !job.state.isFinal else {
            throw APIError(404, "no_preview", "a preview is there while the video is made; then it has a thumbnail")
        }
        guard let sketch = desk.runner.sketch(of: job.id) else {
            throw APIError(404, "no_preview", "there is no preview of this video yet")
        }
        return AnswerWriter.bytes(sketch, mediaType: "image/png")
    }

    private func picture(of job: Job, _ kind: ClipPictures.Kind) throws(APIError) -> HTTPResponse {
        // Opened even where the picture is known: a clip that is gone has none.
        let file = try open(job)
        defer { close(file.descriptor) }
        return try pictures.picture(of: job, kind, file: file, path: desk.store.outputs.path(job.id))
    }

    private func file(of job: Job) throws(APIError) -> HTTPResponse {
        let output = try open(job)
        let file = HTTPFile(
            descriptor: output.descriptor, byteCount: output.byteCount, mediaType: "video/mp4",
            entityTag: job.output?.sha256 ?? job.id.description)
        // Private: a shared cache must not hand a clip to somebody without the key.
        return HTTPResponse(
            status: 200,
            headers: HTTPHeaders([
                ("Content-Disposition", "attachment; filename=\"\(job.id).mp4\""),
                ("Cache-Control", "private, no-cache"),
            ]),
            body: .file(file))
    }

    private func open(_ job: Job) throws(APIError) -> OutputFile {
        switch job.state {
        case .queued, .inProgress: throw .notReady
        case .failed where job.error?.code == .outputLost: throw .outputLost
        case .failed: throw APIError(404, "video_failed", "the video could not be made")
        case .completed: break
        }
        switch try desk.journal({ () throws(StoreError) in try desk.store.clip(of: job) }) {
        case .file(let file): return file
        case .expired: throw .expired
        case .lost: throw .outputLost
        }
    }
}

/// What a list may be asked for.
struct ListQuery {
    private(set) var after: JobID?
    private(set) var limit = 20
    private(set) var isAscending = false

    init(_ query: [(name: String, value: String)]) throws(APIError) {
        var seen: Set<String> = []
        for (name, value) in query {
            guard seen.insert(name).inserted else { throw .twice(name.clipped, name.clipped) }
            switch name {
            case "after":
                guard let id = JobID(value) else { throw .invalid("after", "names no video", code: "video_not_found") }
                after = id
            case "limit":
                guard JSONNumber.isInteger(value), let number = Int(value) else {
                    throw .invalid("limit", "must be a whole number", code: "invalid_type")
                }
                limit = min(max(number, 1), 100)
            case "order":
                guard value == "asc" || value == "desc" else { throw .invalid("order", "must be asc or desc") }
                isAscending = value == "asc"
            default:
                throw APIError(
                    400, "unknown_parameter", "a list has no parameter '\(name.clipped)'", parameter: name.clipped)
            }
        }
    }
}
