import Files
import HTTPClient
import Media
import StrictJSON
public import VideoTypes

/// One model of one cloud.
public final class CloudProvider: VideoProvider {
    public let name: String
    let desk: CloudAccount
    let model: CloudModel
    let flights = FlightBoard<String>()

    /// - Parameters:
    ///   - name: unique among the providers of a router.
    ///   - model: as the price list names it: "kling-v3-pro".
    public init(_ name: String, _ desk: CloudAccount, model: String) throws(RouterError) {
        guard !name.isEmpty else { throw RouterError(.configuration, "a provider needs a name") }
        guard let found = desk.cloud.model(model) else {
            let names = desk.cloud.models.map(\.id).joined(separator: ", ")
            throw RouterError(
                .configuration, "\(desk.cloud.name) has no model '\(model.printable)' here; there are: \(names)")
        }
        self.name = name
        self.desk = desk
        self.model = found
    }

    public var account: String? { desk.name }

    /// What its owner should know: that the model will not be served much longer.
    public var remark: String? { remark(on: CalendarDay.days(at: SystemClock.unix())) }

    private static let warningDays = 30

    func remark(on day: Int) -> String? {
        guard let end = model.retiresOn, day >= end.days - Self.warningDays else { return nil }
        return "\(name): the cloud \(day < end.days ? "will serve" : "served") \(model.id) until \(end)"
    }

    // MARK: VideoProvider

    public func capabilities(for request: VideoRequest) async throws(ProviderError) -> ProviderCapabilities {
        let former = await former(request)
        let plan = plan(request, former)
        var obstacles = plan.obstacles
        let elsewhere = desk.book.open(of: request.id) { $0.account == desk.name && $0.provider != name }
        if !elsewhere.isEmpty { obstacles.append(.init("an order of this request may be under way at this cloud")) }
        let isMade = desk.book.latest(name, request.id)?.state == .done
        let isPaid = isMade || isOpen(request.id)
        // A price that nobody told is no price.
        let dollars = plan.order.flatMap { desk.prices.dollars($0, cloud: desk.cloud.name) } ?? .infinity
        if plan.order != nil, !isPaid, let refusal = desk.book.refusal(dollars) {
            obstacles.append(.init(refusal, parameter: Ranker.money))
        }
        let perSecond = plan.order.map { dollars / Double($0.seconds) } ?? .infinity
        return ProviderCapabilities(
            provider: name, model: model.id, limits: limits, qualities: model.qualities, obstacles: obstacles,
            estimate: estimate, marginalCostPerSecond: perSecond, amortisedCostPerSecond: perSecond,
            costDollars: isPaid ? 0 : dollars, isWarm: true,
            remarks: plan.order == nil ? [] : former?.continuation.map { ["it goes on \($0.start)"] } ?? [])
    }

    /// For the last frame of a former clip its file is read.
    public func answersAtOnce(_ request: VideoRequest) -> Bool { request.continues == nil }

    public func generate(
        _ request: VideoRequest, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(ProviderError) -> VideoResult {
        try await ordered(request, progress: progress)
    }

    public func healthCheck() async -> ProviderHealth {
        guard let call = desk.cloud.check else { return .ready }
        do {
            let answer = try await desk.answer(call)
            guard let refusal = desk.cloud.refusal(answer) else { return .ready }
            return .unavailable([desk.clean(refusal).message])
        } catch {
            return .unavailable([error.message])
        }
    }

    /// Stops the clip at the cloud, too, where it stops any; that call is not waited for.
    public func cancel(_ id: VideoRequest.ID) async { flights.abandon(id) }

    public func spentDollars(on id: VideoRequest.ID) async -> Double? { desk.book.dollars(name, id) }

    public func hasOpenOrder(of id: VideoRequest.ID) async -> Bool { isOpen(id) }

    public func hasClip(of id: VideoRequest.ID) async -> Bool { desk.book.hasClip(of: id, at: name) }

    /// Takes up every order that an earlier process left open: finds it, watches it, fetches its clip.
    ///
    /// Whoever asks for one of these clips by its request gets the same one, meanwhile or afterwards.
    public func recover() async -> [VideoRequest.ID: Result<VideoResult, ProviderError>] { await resumed() }

    // MARK: What the model makes

    func plan(_ request: VideoRequest, _ former: FormerClip?) -> CloudOrderPlan {
        CloudOrderPlan(
            request, model, cloud: desk.cloud.name,
            day: desk.isAtHome ? CalendarDay.days(at: SystemClock.unix()) : nil, former: former)
    }

    /// What a request goes on from; nil where it goes on from nothing.
    func former(_ request: VideoRequest) async -> FormerClip? {
        guard let id = request.continues else { return nil }
        guard let record = desk.book.finished(id) else {
            return .missing("no finished clip of a request '\(id.printable)' is in the book of orders")
        }
        if model.continuesClips, record.account == desk.name, let ticket = record.ticket { return .named(ticket.id) }
        guard let picture = await lastFrame(record) else {
            return .missing("the clip of '\(id.printable)' is not on this machine any more")
        }
        return .lastFrame(picture)
    }

    /// Of the clip where it was put at first, or where it was taken since.
    private func lastFrame(_ record: OrderRecord) async -> ReferenceImage? {
        if let path = record.path, let picture = await desk.lastFrames.picture(path, for: model.pictures) {
            return picture
        }
        guard let moved = record.moved, moved.isThere else { return nil }
        return await desk.lastFrames.picture(moved.place, for: model.pictures)
    }

    private var limits: ProviderCapabilities.Limits {
        let lengths = model.lengths.all
        let sizes = model.formats.flatMap { format in model.ratios.map { format.size($0) } }
        let pictures = model.pictures
        return ProviderCapabilities.Limits(
            maxDurationSeconds: Double(lengths.max() ?? 0), maxPixels: sizes.map { $0.width * $0.height }.max() ?? 0,
            sizeStep: 1, frameStep: 1, makesAudio: model.sound != .never,
            maxReferenceImages: (pictures.takesFirst ? 1 : 0) + (pictures.takesLast ? 1 : 0) + pictures.references,
            minDurationSeconds: Double(lengths.min() ?? 0), aspectRatios: Set(model.ratios))
    }

    private static let leastTimes = 5

    /// As long as the last clips took; nil until some have come.
    private var estimate: TimeEstimate? {
        let times = desk.book.times(name, last: 50)
        guard times.count >= Self.leastTimes else { return nil }
        let half = times[times.count / 2]
        let queue = Double(desk.queueLength) * half / Double(max(desk.options.slots ?? 1, 1))
        return TimeEstimate(
            queueSeconds: queue, p50: queue + half, p90: queue + times[min(times.count * 9 / 10, times.count - 1)])
    }
}

extension CloudProvider: OrderingProvider {
    var isCharged: Bool { true }
    var wire: String? { model.wire }

    func purchase(_ request: VideoRequest, reference: String) async throws(ProviderError) -> Purchase {
        let former = await former(request)
        let plan = plan(request, former)
        if let obstacle = plan.obstacles.first { throw .badRequest(obstacle.reason, parameter: obstacle.parameter) }
        guard var order = plan.order else { throw .badRequest("the model does not make it", parameter: nil) }
        order.reference = reference
        let (cloud, placed) = (desk.cloud, order)
        return Purchase(
            call: try cloud.submit(order), ticket: { cloud.ticket($0, placed) }, model: model.id,
            seconds: order.seconds, quotedDollars: desk.prices.dollars(order, cloud: cloud.name),
            continuation: former?.continuation)
    }

    func dollars(_ facts: ClipFacts) -> Double? { nil }

    func notes(_ record: OrderRecord) -> [String: JSONText] {
        var notes: [String: JSONText] = ["cloud": .string(desk.cloud.name)]
        if let day = desk.prices.day(desk.cloud.name, record.model) { notes["price_of"] = .string(day.description) }
        return notes
    }
}
