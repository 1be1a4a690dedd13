import Crypto
import Files
import Glibc
import HTTPClient
import Media
import StrictJSON
import VideoTypes

/// One clip fetched from a cloud or a server: written down, ordered, watched, downloaded, looked at; the same for all.
struct CloudErrand: Sendable {
    let provider: any OrderingProvider
    private let flight: RemoteFlight
    private let maxSeconds: Double?
    private let start = ContinuousClock.now

    /// Failed looks in a row that are put up with.
    private static let patience = 12
    /// The same where the cloud says that it does not know the order, or the key.
    private static let refusedPatience = 3
    private static let longestPause = 30.0
    private static let fetches = 4
    private static let searches = 3
    /// How often an order is placed that is the same one each time.
    private static let tellings = 2
    /// Bounds of a wish for when to be asked again.
    private static let wishSeconds = 0.1...10.0
    /// From then on a list without an order says that it never arrived.
    private static let listedAfterSeconds = 600.0

    init(_ provider: any OrderingProvider, _ flight: RemoteFlight, _ maxSeconds: Double?) {
        self.provider = provider
        self.flight = flight
        self.maxSeconds = maxSeconds
    }

    private var desk: CloudAccount { provider.desk }
    private var cloud: any Cloud { desk.cloud }
    private var book: OrderBook { desk.book }
    private var seconds: Double { Double((ContinuousClock.now - start) / .milliseconds(1)) / 1000 }
    private var isGivenUp: Bool { seconds >= desk.options.giveUpSeconds }

    func run(_ request: VideoRequest, _ digest: String) async -> RemoteFlight.Outcome {
        do throws(ProviderError) {
            return .success(try await made(request, digest))
        } catch {
            return .failure(desk.clean(error))
        }
    }

    /// Goes on with an order of an earlier process.
    func resume(_ record: OrderRecord) async -> RemoteFlight.Outcome {
        do throws(ProviderError) {
            desk.occupy()
            defer { desk.leave() }
            guard let placed = try await located(record) else {
                throw .transport("the order never arrived; nothing was made and nothing is to be paid")
            }
            return .success(try await brought(placed))
        } catch {
            return .failure(desk.clean(error))
        }
    }

    private func made(_ request: VideoRequest, _ digest: String) async throws(ProviderError) -> VideoResult {
        try desk.folder.check()
        if let known = book.latest(provider.name, request.id), known.isOpen || known.state == .done {
            guard known.digest == digest else { throw .idInUse }
            if let placed = try await found(known, request) { return try await brought(placed) }
        }
        if provider.isCharged {
            let elsewhere = book.open(of: request.id) { $0.account == desk.name && $0.provider != provider.name }
            guard elsewhere.isEmpty else {
                throw .uncertain("an order of this request may be under way at \(cloud.name)")
            }
        }
        let reference = OrderRecord.randomReference()
        let purchase = try await provider.purchase(request, reference: reference)
        while !desk.enter() {
            try checkTime()
            try await rest(0.1)
        }
        defer { desk.leave() }
        let record = OrderRecord(
            reference: reference, account: desk.name, provider: provider.name, model: purchase.model,
            request: request.id, digest: digest, prompt: request.prompt, seconds: purchase.seconds,
            quotedDollars: purchase.quotedDollars, placedAt: SystemClock.unix(), continuation: purchase.continuation)
        guard !Task.isCancelled else { throw .cancelled }
        try book.write(record)
        return try await brought(try await placed(purchase, record, request.traceParent))
    }

    /// An order of before with its ticket: placed once more where that makes it no other, else searched for.
    private func found(_ known: OrderRecord, _ request: VideoRequest) async throws(ProviderError) -> OrderRecord? {
        guard known.ticket == nil,
            let purchase = try? await provider.purchase(request, reference: known.reference), purchase.isRepeatable
        else { return try await located(known) }
        return try await placed(purchase, known, request.traceParent)
    }

    // MARK: Ordering

    /// Places an order that is in the book.
    private func placed(
        _ purchase: Purchase, _ record: OrderRecord, _ traceParent: String?
    ) async throws(ProviderError) -> OrderRecord {
        var record = record
        // One of before may have arrived.
        var isNew = record.state == .placing
        for telling in 1... {
            switch await told(purchase, traceParent) {
            case .failure(let error) where isNew && !error.mayHaveBeenSent: throw refused(record, error.providerError)
            case .failure(let error): record.message = error.message
            case .success(let answer):
                if let refusal = cloud.refusal(answer) {
                    if Self.isCertain(answer), isNew || !refusal.isOfKeys { throw refused(record, refusal) }
                    record.message = "the cloud answered \(answer.status), and not in its own words"
                } else if let ticket = purchase.ticket(answer) {
                    (record.ticket, record.state) = (ticket, .placed)
                    book.note(record)
                    return record
                } else {
                    record.message = "the cloud's answer cannot be read"
                }
            }
            isNew = false
            record.state = .unknown
            book.note(record)
            guard purchase.isRepeatable, telling < Self.tellings else { break }
            try await rest(min(desk.pollSeconds, 1))
        }
        guard let found = try await located(record) else {
            throw .transport("the order did not arrive: \(record.message ?? "")")
        }
        return found
    }

    /// Not broken off: an order that was placed must be known to be cancelled.
    private func told(_ purchase: Purchase, _ traceParent: String?) async -> Result<CloudAnswer, HTTPClientError> {
        let desk = desk
        return await Self.unhindered { () -> Result<CloudAnswer, HTTPClientError> in
            do throws(HTTPClientError) {
                return .success(try await desk.answer(toOrder: purchase.call, traceParent: traceParent))
            } catch {
                return .failure(error)
            }
        }
    }

    /// Whether a refusal says that nothing will be made: gateways speak for those behind them without knowing.
    private static func isCertain(_ answer: CloudAnswer) -> Bool {
        if (300...499).contains(answer.status) { return true }
        guard let json = answer.json, case .object = json else { return false }
        return ![502, 504].contains(answer.status)
    }

    private func refused(_ record: OrderRecord, _ error: ProviderError) -> ProviderError {
        end(record, .refused, dollars: 0, error)
        return error
    }

    @discardableResult
    private func end(
        _ record: OrderRecord, _ state: OrderRecord.State, dollars: Double?, _ error: ProviderError? = nil
    ) -> OrderRecord {
        var record = record
        (record.state, record.dollars, record.endedAt) = (state, dollars, SystemClock.unix())
        if let error { record.message = desk.clean(error).message }
        book.note(record)
        return record
    }

    /// Runs what a cancelled task must do all the same.
    private static func unhindered<Value: Sendable>(_ body: @escaping @Sendable () async -> Value) async -> Value {
        await Task.detached { await body() }.value
    }

    // MARK: Finding

    /// The order with its ticket; nil where it is certain that it never arrived.
    private func located(_ record: OrderRecord) async throws(ProviderError) -> OrderRecord? {
        guard record.ticket == nil else { return record }
        let uncertain = ProviderError.uncertain(
            "whether \(cloud.name) got the order is not known: \(record.message ?? "this process had ended")"
                + "; it counts as charged and is not placed again")
        let lost = LostOrder(
            wire: provider.wire, prompt: record.prompt, reference: record.reference, placedAt: record.placedAt)
        guard let call = cloud.search(lost) else {
            remain(record)
            throw uncertain
        }
        var lacking = 0
        for attempt in 1...Self.searches {
            if attempt > 1 { try await rest(min(desk.pollSeconds, Self.longestPause)) }
            guard let answer = try? await desk.answer(call) else { continue }
            switch cloud.found(answer, lost) {
            case .candidates(let tickets):
                if let found = book.claim(record, tickets) { return found }
                let isOld = SystemClock.unix() - record.placedAt > Self.listedAfterSeconds
                guard isOld, tickets.isEmpty else { continue }
            case .neverArrived: break
            case .unknown: continue
            }
            // Twice, for the first look may have come before the order.
            lacking += 1
            if lacking > 1 {
                end(record, .refused, dollars: 0)
                return nil
            }
        }
        remain(record)
        throw uncertain
    }

    /// Nobody knows, and whoever placed it does not wait for an answer any more.
    private func remain(_ record: OrderRecord) {
        guard record.state != .unknown else { return }
        var record = record
        record.state = .unknown
        book.note(record)
    }

    // MARK: Bringing

    private func brought(_ record: OrderRecord) async throws(ProviderError) -> VideoResult {
        guard let ticket = record.ticket else { throw .local("an order without a ticket") }
        var record = record
        let path = "\(desk.options.folder)/\(record.reference).mp4"
        var wasWaiting = false
        do throws(ProviderError) {
            if record.state == .done, let facts = try await facts(path) { return result(record, path, facts) }
            var error = ProviderError.corruptOutput("the cloud gives no link to the clip that holds")
            for attempt in 1...Self.fetches {
                if attempt > 1 { try await rest(min(desk.pollSeconds, 1)) }
                let clip = try await finished(record, ticket, &wasWaiting)
                priced(&record, clip)
                guard try await save(clip, path, isLast: attempt == Self.fetches) else { continue }
                if let facts = try await facts(path) { return kept(record, clip, path, facts) }
                unsafe unlink(path)
                error = .corruptOutput("the file that came is not a video")
            }
            end(record, .lost, dollars: record.charge, error)
            throw error
        } catch {
            if case .corruptOutput = error, book.latest(provider.name, record.request)?.isOpen == true {
                end(record, .lost, dollars: record.charge, error)
            } else if [.cancelled, .deadline].contains(error) || isGivenUp {
                await stop(record, ticket, wasWaiting: wasWaiting, isUnwanted: error == .cancelled)
            }
            throw error
        }
    }

    /// What is said to be charged counts from then on, whatever becomes of the file.
    private func priced(_ record: inout OrderRecord, _ clip: CloudClip) {
        record.model = clip.model ?? record.model
        guard let dollars = clip.dollars, record.reportedDollars != dollars else { return }
        (record.dollars, record.reportedDollars) = (dollars, dollars)
        if record.isOpen { book.note(record) }
    }

    /// Ends the order where the cloud ends any; what was made until then is paid.
    private func stop(_ record: OrderRecord, _ ticket: CloudTicket, wasWaiting: Bool, isUnwanted: Bool) async {
        guard book.latest(provider.name, record.request)?.isOpen == true else { return }
        let call = cloud.cancel(ticket)
        let desk = desk
        let isStopped = await Self.unhindered { () -> Bool in
            guard let call, let answer = try? await desk.answer(call) else { return false }
            return desk.cloud.refusal(answer) == nil
        }
        let dollars = wasWaiting && cloud.waitsForFree ? 0 : record.charge
        if isStopped {
            end(record, .cancelled, dollars: dollars)
        } else if isUnwanted {
            end(record, .abandoned, dollars: record.charge)
        }
    }

    private func finished(
        _ record: OrderRecord, _ ticket: CloudTicket, _ wasWaiting: inout Bool
    ) async throws(ProviderError) -> CloudClip {
        var failures = 0
        var told: VideoProgress?
        while true {
            try checkTime()
            var pause = desk.pollSeconds
            do throws(ProviderError) {
                let (state, wish) = try await look(ticket)
                failures = 0
                if let wish { pause = min(max(wish, Self.wishSeconds.lowerBound), Self.wishSeconds.upperBound) }
                wasWaiting = state == .waiting
                switch state {
                case .done(let clip): return clip
                case .failed(let error):
                    // A clip that came once is paid, whatever is said of it later.
                    if record.state != .done { end(record, .failed, dollars: 0, error) }
                    throw error
                case .working(let percent?):
                    tell(VideoProgress(stage: .denoise, completed: percent, total: 100), &told)
                case .step(let step): tell(step, &told)
                default: break
                }
            } catch {
                guard book.latest(provider.name, record.request)?.isOpen != false || record.state == .done,
                    !Task.isCancelled
                else { throw error }
                failures += 1
                pause = try patience(error, failures, record)
            }
            try await rest(pause)
        }
    }

    private func tell(_ progress: VideoProgress, _ told: inout VideoProgress?) {
        guard progress != told else { return }
        told = progress
        flight.tell(progress)
    }

    /// One look, and what it says to ask further; with when to look again, where that is said.
    private func look(_ ticket: CloudTicket) async throws(ProviderError) -> (CloudState, pause: Double?) {
        var call = cloud.look(ticket)
        for _ in 0..<3 {
            let answer: CloudAnswer
            do throws(HTTPClientError) {
                answer = try await desk.answer(call)
            } catch {
                throw error.providerError
            }
            switch cloud.state(answer, ticket) {
            case .ask(let next): call = next
            case .unreadable:
                if [404, 410].contains(answer.status) { throw .badRequest("not found", parameter: nil) }
                throw cloud.refusal(answer) ?? .server("the cloud's answer cannot be read")
            case let state: return (state, cloud.pause(answer))
            }
        }
        throw .server("the cloud never tells what has become of the order")
    }

    /// How long to wait before the cloud is asked again; throws where it is of no use.
    private func patience(
        _ error: ProviderError, _ failures: Int, _ record: OrderRecord
    ) throws(ProviderError) -> Double {
        let pause = min(desk.pollSeconds * Double(1 << min(failures, 5)), Self.longestPause)
        switch error {
        case .cancelled, .deadline, .local: throw error
        case .badRequest:
            guard failures < Self.refusedPatience else {
                let gone = ProviderError.corruptOutput("the cloud does not know the order any more")
                end(record, .lost, dollars: record.quotedDollars, gone)
                throw gone
            }
        case .authentication: guard failures < Self.refusedPatience else { throw error }
        case .capacity(let seconds), .quota(let seconds):
            guard failures < Self.patience else { throw error }
            return min(max(seconds ?? pause, pause), Self.longestPause)
        default: guard failures < Self.patience else { throw error }
        }
        return pause
    }

    private func checkTime() throws(ProviderError) {
        guard !Task.isCancelled else { throw .cancelled }
        if let maxSeconds, seconds >= maxSeconds { throw .deadline }
        guard !isGivenUp else {
            throw .timeout("the clip did not come within \(RemoteForm.text(desk.options.giveUpSeconds)) s")
        }
    }

    private func rest(_ pause: Double) async throws(ProviderError) {
        var pause = min(pause, max(desk.options.giveUpSeconds - seconds, 0))
        if let maxSeconds { pause = min(pause, max(maxSeconds - seconds, 0)) }
        guard (try? await Task.sleep(for: .seconds(pause))) != nil else { throw .cancelled }
    }

    // MARK: Keeping

    /// Whether the clip lies there now; false where its link does not hold.
    private func save(_ clip: CloudClip, _ path: String, isLast: Bool) async throws(ProviderError) -> Bool {
        switch clip.source {
        case .base64(let text):
            guard let bytes = Base64.decode(text), bytes.count <= desk.options.maxClipBytes else { return false }
            do throws(FileFailure) {
                try FileBytes.replace(path, with: bytes)
            } catch {
                throw .local("the clip cannot be written: \(error)")
            }
            return true
        case .link(let link, let needsKey):
            let fetched: CloudAccount.Fetched
            do throws(ProviderError) {
                fetched = try await desk.fetch(link, needsKey: needsKey, to: path)
            } catch {
                switch error {
                // Once more, by a fresh link; at last it is left where it is, paid and to be taken up again.
                case .transport where !isLast, .timeout where !isLast: return false
                default: throw error
                }
            }
            switch fetched {
            case .saved: return true
            case .refused(let error) where isLast || error.isOfKeys: throw error
            case .expired, .refused: return false
            }
        }
    }

    private func kept(_ record: OrderRecord, _ clip: CloudClip, _ path: String, _ facts: ClipFacts) -> VideoResult {
        var record = record
        record.path = path
        record = end(record, .done, dollars: clip.dollars ?? provider.dollars(facts) ?? record.quotedDollars)
        return result(record, path, facts, clip.notes)
    }

    /// nil for what is no video, or not there.
    private func facts(_ path: String) async throws(ProviderError) -> ClipFacts? {
        guard let facts = try await ClipOnDisk.facts(path), facts.frames > 0, facts.durationSeconds > 0 else {
            return nil
        }
        return facts
    }

    private func result(
        _ record: OrderRecord, _ path: String, _ facts: ClipFacts, _ said: [String: JSONText] = [:]
    ) -> VideoResult {
        var metadata = said.merging(provider.notes(record)) { $1 }
        if let ticket = record.ticket { metadata["remote_id"] = .string(ticket.id) }
        if let continuation = record.continuation { metadata["continues_by"] = .string(continuation.rawValue) }
        if let quote = record.quotedDollars { metadata["quoted_dollars"] = .number(quote) }
        if let reported = record.reportedDollars { metadata["reported_dollars"] = .number(reported) }
        if record.dollars == nil, record.quotedDollars == nil { metadata[VideoResult.unknownCost] = .bool(true) }
        return VideoResult(
            path: path, provider: provider.name, model: record.model,
            durationSeconds: facts.durationSeconds, frames: facts.frames, width: facts.width, height: facts.height,
            costDollars: record.charge, latencySeconds: seconds, hasAudio: facts.hasAudio, metadata: metadata)
    }
}

extension ProviderError {
    /// Whether it says nothing but that the key does not do.
    fileprivate var isOfKeys: Bool { if case .authentication = self { true } else { false } }
}
