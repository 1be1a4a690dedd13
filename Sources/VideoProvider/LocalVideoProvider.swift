import Backends
import Files
import Glibc
import Threads
public import VideoTypes

/// Makes videos on this machine, one after the other, in this process.
///
/// Requests wait in line; each is made on the provider's own thread. The engine stays open, so that only the first clip
/// pays for loading.
public final class LocalVideoProvider: VideoProvider {
    public let name: String
    private let queue: LocalQueue
    private let planner: VideoPlanner

    /// Opens the model and the device, which takes a moment.
    public convenience init(_ options: Options = Options()) throws(VideoError) {
        let isBuiltIn = options.modelFolder == nil && options.modelParts.isEmpty
        let source: ModelSource =
            isBuiltIn ? .builtIn : .files(ModelPlaces(model: options.modelFolder, parts: options.modelParts))
        let device = try DeviceChoice(options.device)
        let planner = try VideoPlanner(source)
        try self.init(options, planner: planner) { () throws(VideoError) in
            let choice = try BackendChoice(device, threads: options.threads)
            var engine = EngineOptions(model: source, writesMetadata: options.writesMetadata)
            engine.joules = choice.makeJouleCounter()
            return LocalQueue.Equipment(
                engine: VideoEngine(engine, planner: planner, backend: choice.backend),
                remarks: choice.remarks(in: .library))
        }
    }

    /// The same on any engine.
    ///
    /// - Parameters:
    ///   - planner: of the model that the engine makes clips with.
    ///   - clock: seconds that only go forward.
    ///   - makeEngine: called on the thread that works with it, again after it has failed.
    package init(
        _ options: Options, planner: VideoPlanner,
        clock: @escaping @Sendable () -> Double = SystemClock.monotonic,
        makeEngine: @escaping @Sendable () throws(VideoError) -> LocalQueue.Equipment
    ) throws(VideoError) {
        name = options.name
        queue = try LocalQueue(options, clock: clock)
        try queue.start(makeEngine)
        self.planner = planner
    }

    deinit { queue.close() }

    /// A prompt that shows what the model can do.
    public var samplePrompt: String { planner.samplePrompt }

    /// What there is to say about the device, one line each: why a GPU that is there is not used.
    public var remarks: [String] { queue.remarks }

    /// Calls of `generate` so far that have taken their place.
    package var callers: Int { queue.callers }

    // MARK: VideoProvider

    public func capabilities(for request: VideoRequest) async throws(ProviderError) -> ProviderCapabilities {
        var found = ProviderCapabilities(provider: name, model: planner.modelName, limits: planner.limits)
        found.isWarm = queue.isWarm
        do {
            let plan = try plan(request)
            let forecast = queue.forecast(plan)
            found.estimate = forecast?.ready
            if let cost = forecast?.cost {
                let perSecond = cost.perSecond(of: plan.settings.clip.durationSeconds)
                found.marginalCostPerSecond = perSecond.marginal
                found.amortisedCostPerSecond = perSecond.amortised
                found.costDollars = cost.marginalDollars
            }
            if let refusal = queue.refusal(request, plan) { found.obstacles.append(Self.obstacle(refusal)) }
        } catch {
            found.obstacles.append(Self.obstacle(error))
        }
        return found
    }

    public func generate(
        _ request: VideoRequest, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(ProviderError) -> VideoResult {
        let plan = try plan(request)
        let ticket = queue.ticket()
        let outcome = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<LocalJob.Outcome, Never>) in
                let waiter = LocalJob.Waiter(ticket: ticket, progress: progress) { continuation.resume(returning: $0) }
                queue.submit(request, plan, waiter)
            }
        } onCancel: {
            queue.leave(ticket)
        }
        queue.forget(ticket)
        return try outcome.get()
    }

    public func healthCheck() async -> ProviderHealth { queue.health }

    public func cancel(_ id: VideoRequest.ID) async { queue.cancel(id) }

    // MARK: requests

    private func plan(_ request: VideoRequest) throws(ProviderError) -> ClipPlan {
        try Self.check("max_cost_dollars", request.maxCostDollars)
        try Self.check("max_latency_seconds", request.maxLatencySeconds)
        do {
            return try planner.plan(for: request, on: queue.facts)
        } catch {
            throw .refused(error)
        }
    }

    private static func check(_ parameter: String, _ limit: Double?) throws(ProviderError) {
        // A NaN is not at least zero.
        guard let limit, !(limit >= 0) else { return }
        throw .badRequest("must not be negative", parameter: parameter)
    }

    private static func obstacle(_ error: ProviderError) -> ProviderCapabilities.Obstacle {
        guard case .badRequest(let text, let parameter) = error else { return .init(error.message) }
        return .init(text, parameter: parameter)
    }
}

extension LocalVideoProvider {
    /// What a local provider runs on and where it writes.
    public struct Options: Sendable {
        /// Unique among the providers of a router.
        public var name = "local"
        /// Where clips are written, each under its request's id; made where it is missing.
        public var outputFolder = "."
        /// A folder or file that holds a model, or what is not named in `modelParts`; nil for the small one that is
        /// built in.
        public var modelFolder: String?
        /// Files of parts that come from elsewhere.
        public var modelParts: [ModelPart: String] = [:]
        /// "auto", "cpu", "cuda" or "cuda:1".
        public var device = "auto"
        /// Of the processor; nil for all.
        public var threads: Int?
        public var economics = Economics()
        /// Requests that may wait; more are refused.
        public var maxQueued = 100
        /// Whether clips carry their prompt and settings.
        public var writesMetadata = true

        public init() {}
    }
}
