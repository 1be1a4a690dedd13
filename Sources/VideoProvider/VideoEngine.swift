package import Compute
import Media
package import Pipelines
package import VideoTypes
import Weights

/// Makes clips on one model and one backend, from request to finished file.
///
/// Confined to one thread.
package final class VideoEngine: ClipEngine {
    private let options: EngineOptions
    private let backend: any Backend
    private let planner: VideoPlanner
    /// Another one while a step is made in f32.
    private var pipeline: any VideoPipeline

    /// Opens and checks the model; its weights are loaded when a request needs them.
    package convenience init(_ options: EngineOptions, backend: any Backend) throws(VideoError) {
        self.init(options, planner: try VideoPlanner(options.model, adapters: options.adapters), backend: backend)
    }

    /// The same with a model that is open.
    package init(_ options: EngineOptions, planner: VideoPlanner, backend: any Backend) {
        self.options = options
        self.planner = planner
        self.backend = backend
        pipeline = planner.model.pipeline(on: backend, dtype: options.dtype, within: options.terms)
    }

    /// How results name the model.
    package var modelName: String { planner.modelName }

    /// A prompt that shows what the model can do.
    package var samplePrompt: String { planner.samplePrompt }

    package var facts: EngineFacts { EngineFacts(model: modelName, device: pipeline.profile) }

    /// The request with every default filled in, checked against the model and the backend.
    package func settings(for request: VideoRequest) throws(VideoError) -> VideoSettings {
        try order(request).settings
    }

    /// The same with all that settings only name.
    package func order(_ request: VideoRequest) throws(VideoError) -> VideoPlanner.Order {
        let order = try planner.order(for: request).tiledWhereNeeded(on: pipeline.profile, by: planner.model)
        try pipeline.validate(order.settings)
        return order
    }

    /// Which weights are in memory when, and what that costs.
    package func residency(_ settings: VideoSettings) -> ResidencyPlan {
        planner.model.memory(settings, on: pipeline.profile).residency
    }

    /// The request's settings and what they come to here.
    package func plan(for request: VideoRequest) throws(VideoError) -> ClipPlan {
        let settings = try settings(for: request)
        return ClipPlan(settings: settings, work: planner.model.work(settings, on: pipeline.profile))
    }

    /// Makes the clip and gives its frames, without writing a file.
    package func frames(_ request: VideoRequest) throws(VideoError) -> [Frame] {
        var frames: [Frame] = []
        let goOn = { (_: VideoProgress) in true }
        let order = try order(request)
        pipeline.adapters = order.adapters
        try pipeline.generate(
            order.settings, pictures: order.pictures, checkpoint: nil, report: goOn, dump: nil
        ) { frames.append($0) }
        return frames
    }

    /// Makes the clip of a request and writes it to `path`, which is replaced only by a complete file.
    ///
    /// - Parameters:
    ///   - keepsExisting: whether the clip takes the next free name where `path` is taken.
    ///   - progress: told of every step; answers whether to go on.
    package func generate(
        _ request: VideoRequest, to path: String, keepsExisting: Bool = false, keeping: ClipKeeping = ClipKeeping(),
        progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        try generate(
            order(request), to: path, keepsExisting: keepsExisting, keeping: keeping, progress: progress)
    }

    /// The same of what `order` gave.
    package func generate(
        _ order: VideoPlanner.Order, to path: String, keepsExisting: Bool = false,
        keeping: ClipKeeping = ClipKeeping(), progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        if keeping.viewer != nil { try checkSketches() }
        let keeper = try keeper(order.settings, keeping)
        return try make(order, path, keepsExisting: keepsExisting, keeper, keeping, progress)
    }

    package func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, keepsExisting: Bool,
        checkpoint: CheckpointPlace?, viewer: LatentViewer?, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        let pictures = try RequestPictures(pictures)
        guard pictures.inputs == settings.inputs else {
            throw VideoError(.internalError, "the pictures of a clip are not those that its settings name")
        }
        let order = VideoPlanner.Order(
            settings: settings, pictures: pictures.frames, adapters: try planner.adapters(of: settings))
        let keeping = ClipKeeping(place: checkpoint, viewer: viewer)
        return try make(order, path, keepsExisting: keepsExisting, keeper(settings, keeping), keeping, progress)
    }

    /// Makes the clip of latents that were kept: only what comes behind denoising.
    ///
    /// - Parameter place: where they were kept, if that is to be tidied up behind the clip.
    package func generate(
        decoding kept: KeptClip, tilesVAE: Bool, to path: String, keepsExisting: Bool = false,
        place: CheckpointPlace? = nil, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        try kept.check(canBeDecodedBy: planner.model.fingerprint, modelName)
        var settings = kept.settings
        settings.tilesVAE = tilesVAE
        let keeper = StateKeeper(
            identity: kept.identityText, file: place.map { CheckpointFile($0, halfway: nil) }, first: kept.bytes,
            refusal: KeptClip.damaged(kept.path))
        let order = VideoPlanner.Order(settings: settings, pictures: [:], adapters: .none)
        return try make(order, path, keepsExisting: keepsExisting, keeper, ClipKeeping(), progress)
    }

    private func checkSketches() throws(VideoError) {
        guard !planner.model.drawsSketches else { return }
        throw VideoError(
            .invalidRequest, "nobody knows what colours the latents of \(modelName) have, so none can be shown",
            field: .model, hint: "leave the preview out")
    }

    /// Who keeps the state of a clip while it is made; nil for nobody.
    private func keeper(_ settings: VideoSettings, _ keeping: ClipKeeping) throws(VideoError) -> StateKeeper? {
        // A dump holds every step, so it begins at the first.
        let isWanted = keeping.place != nil || keeping.finished != nil || options.retriesInF32
        guard options.dumpPath == nil, isWanted else { return nil }
        let identity = identity(settings)
        var refusal: VideoError?
        if keeping.isStrict, let path = keeping.place?.path {
            try KeptClip(at: path)?.check(isOf: identity)
            refusal = KeptClip.damaged(path)
        }
        return StateKeeper(
            identity: try identity.text(),
            file: keeping.place.map { CheckpointFile($0, halfway: options.duringCheckpoint) },
            finished: keeping.finished, keepsSteps: options.retriesInF32, refusal: refusal)
    }

    private func make(
        _ order: VideoPlanner.Order, _ path: String, keepsExisting: Bool, _ keeper: StateKeeper?,
        _ keeping: ClipKeeping,
        _ progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        let settings = order.settings
        let clock = StageClock()
        let joules = options.joules?()
        try pipeline.validate(settings)
        do {
            let dumpFile = try options.dumpPath.map { try DumpFile($0) }
            let facts = facts
            let writer = try MP4Writer(
                path: path, width: settings.clip.width, height: settings.clip.height,
                framesPerSecond: settings.clip.framesPerSecond,
                metadata: options.writesMetadata
                    ? ClipMetadata(settings: settings, model: modelName, backend: facts.backend, dtype: facts.dtype)
                    : nil, keepsExisting: keepsExisting)
            let dump = dumpFile.map { _ in TensorDump() }
            let report = { (step: VideoProgress) -> Bool in
                clock.enter(step.stage)
                return progress(step)
            }
            var match = PictureMatch(order.pictures[.first])
            try run(order, keeper, keeping, report, dump) { frame in
                match.look(at: frame)
                try writer.append(frame)
            }
            if let dump, let dumpFile { try dumpFile.write(dump) }
            let bytes = try writer.finish()
            keeper?.remove()
            clock.stop()
            return ClipReport(
                path: writer.path, model: modelName, settings: settings, backend: facts.backend, dtype: facts.dtype,
                encoder: writer.encoderName, fileBytes: bytes, stageSeconds: clock.seconds,
                totalSeconds: clock.totalSeconds, peakMemoryBytes: PeakMemory.bytes,
                peakDeviceMemoryBytes: backend.peakDeviceBytes, joules: joulesTaken(since: joules),
                promptTokens: planner.model.tokenCount(settings.prompts.positive),
                promptTokenLimit: planner.model.tokenLimit,
                adapters: settings.adapters.isEmpty ? nil : order.adapters.reports,
                pictureDecibels: match.decibels)
        } catch {
            throw VideoError(reporting: error)
        }
    }

    /// Runs the pipeline, and where that is wanted a step that is not finite once more in f32.
    private func run(
        _ order: VideoPlanner.Order, _ keeper: StateKeeper?, _ keeping: ClipKeeping,
        _ report: @escaping (VideoProgress) -> Bool, _ dump: TensorDump?, _ emit: (Frame) throws -> Void
    ) throws(VideoError) {
        var place: VideoProgress?
        let watch = { (progress: VideoProgress) -> Bool in
            place = progress
            return report(progress)
        }
        while true {
            pipeline.adapters = order.adapters
            do throws(VideoError) {
                return try pipeline.generate(
                    order.settings, pictures: order.pictures, checkpoint: keeper?.checkpoint, viewer: keeping.viewer,
                    report: watch, dump: dump, emit: emit)
            } catch {
                guard options.retriesInF32, error.code == .notFinite, pipeline.dtype != .f32, let keeper, let place,
                    place.stage == .denoise
                else { throw error }
                keeping.note?("\(error.message); the step is made again in f32")
                try repeatStep(place.completed, order, keeper, report)
            }
        }
    }

    /// Makes one step in f32 and leaves its state with the keeper.
    ///
    /// - Parameter step: its index.
    private func repeatStep(
        _ step: Int, _ order: VideoPlanner.Order, _ keeper: StateKeeper, _ report: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) {
        let usual = pipeline.dtype
        // Never two sets of weights: the other pipeline goes first.
        pipeline = planner.model.pipeline(on: backend, dtype: .f32, within: options.terms)
        defer { pipeline = planner.model.pipeline(on: backend, dtype: usual, within: options.terms) }
        pipeline.adapters = order.adapters
        try pipeline.validate(order.settings)
        var isDone = false
        do throws(VideoError) {
            try pipeline.generate(
                order.settings, pictures: order.pictures, checkpoint: keeper.checkpoint,
                report: { progress in
                    isDone = progress.stage == .denoise && progress.completed > step
                    return !isDone && report(progress)
                }, dump: nil, emit: { _ in })
        } catch {
            guard isDone, error.code == .cancelled else { throw error }
        }
    }

    /// A counter that was set back says nothing.
    private func joulesTaken(since before: Double?) -> Double? {
        guard let before, let now = options.joules?(), now >= before else { return nil }
        return now - before
    }

    private func identity(_ settings: VideoSettings) -> ClipIdentity {
        ClipIdentity(
            model: modelName, fingerprint: planner.model.fingerprint, backend: backend.name,
            dtype: pipeline.dtype.rawValue, settings: settings)
    }
}
