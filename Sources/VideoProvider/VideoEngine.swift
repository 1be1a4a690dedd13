package import Compute
import Media
import Pipelines
package import VideoTypes
import Weights

/// Makes clips on one model and one backend, from request to finished file.
///
/// Confined to one thread.
package final class VideoEngine: ClipEngine {
    private let options: EngineOptions
    private let backend: any Backend
    private let planner: VideoPlanner
    private let pipeline: any VideoPipeline

    /// Opens and checks the model; its weights are loaded when a request needs them.
    package convenience init(_ options: EngineOptions, backend: any Backend) throws(VideoError) {
        self.init(options, planner: try VideoPlanner(options.model, adapters: options.adapters), backend: backend)
    }

    /// The same with a model that is open.
    package init(_ options: EngineOptions, planner: VideoPlanner, backend: any Backend) {
        self.options = options
        self.planner = planner
        self.backend = backend
        pipeline = planner.model.pipeline(on: backend, dtype: options.dtype)
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
        let order = try planner.order(for: request)
        try pipeline.validate(order.settings)
        return order
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
        _ request: VideoRequest, to path: String, keepsExisting: Bool = false,
        progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        try generate(order(request), to: path, keepsExisting: keepsExisting, progress: progress)
    }

    /// The same of what `order` gave.
    package func generate(
        _ order: VideoPlanner.Order, to path: String, keepsExisting: Bool = false,
        progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        try make(order, path, keepsExisting: keepsExisting, checkpoint: nil, progress)
    }

    package func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, checkpoint: CheckpointPlace?,
        progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        let pictures = try RequestPictures(pictures)
        guard pictures.inputs == settings.inputs else {
            throw VideoError(.internalError, "the pictures of a clip are not those that its settings name")
        }
        let order = VideoPlanner.Order(
            settings: settings, pictures: pictures.frames, adapters: try planner.adapters(of: settings))
        return try make(order, path, keepsExisting: false, checkpoint: checkpoint, progress)
    }

    private func make(
        _ order: VideoPlanner.Order, _ path: String, keepsExisting: Bool, checkpoint: CheckpointPlace?,
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
            pipeline.adapters = order.adapters
            // A dump holds every step, so it begins at the first.
            let file = dump == nil ? checkpoint.map { CheckpointFile($0, halfway: options.duringCheckpoint) } : nil
            try pipeline.generate(
                settings, pictures: order.pictures, checkpoint: file?.checkpoint(identity(settings)), report: report,
                dump: dump
            ) { try writer.append($0) }
            if let dump, let dumpFile { try dumpFile.write(dump) }
            let bytes = try writer.finish()
            file?.remove()
            clock.stop()
            return ClipReport(
                path: writer.path, model: modelName, settings: settings, backend: facts.backend, dtype: facts.dtype,
                encoder: writer.encoderName, fileBytes: bytes, stageSeconds: clock.seconds,
                totalSeconds: clock.totalSeconds, peakMemoryBytes: PeakMemory.bytes,
                peakDeviceMemoryBytes: backend.peakDeviceBytes, joules: joulesTaken(since: joules),
                promptTokens: planner.model.tokenCount(settings.prompts.positive),
                promptTokenLimit: planner.model.tokenLimit,
                adapters: settings.adapters.isEmpty ? nil : order.adapters.reports)
        } catch {
            throw VideoError(reporting: error)
        }
    }

    /// A counter that was set back says nothing.
    private func joulesTaken(since before: Double?) -> Double? {
        guard let before, let now = options.joules?(), now >= before else { return nil }
        return now - before
    }

    /// All that the latents of a clip depend on.
    private func identity(_ settings: VideoSettings) -> String {
        let parts = [
            Version.text, modelName, planner.model.fingerprint, backend.name, pipeline.dtype.rawValue,
            "\(JSONText.object(settings.jsonFields))",
        ]
        return parts.joined(separator: "\n")
    }
}
