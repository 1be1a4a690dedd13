package import Compute
import Media
import Pipelines
package import VideoTypes
import Weights

/// Runs requests on one model and one backend, from request to finished file.
///
/// Confined to one thread.
package final class VideoEngine {
    /// How results name the model.
    package let modelName: String
    private let options: EngineOptions
    private let backend: any Backend
    private let pipeline: WanPipeline
    private let defaults: Manifest.Defaults

    /// Opens and checks the model; its weights are loaded when a request needs them.
    package init(_ options: EngineOptions, backend: any Backend) throws(VideoError) {
        self.options = options
        self.backend = backend
        do {
            let manifest = try BuiltInModel.manifest()
            let folder =
                switch options.model {
                case .builtIn: BuiltInModel.folder
                case .folder(let path): try ModelFolder(path: path)
                }
            pipeline = try WanPipeline(folder, backend: backend, dtype: options.dtype)
            let entry =
                options.model == .builtIn ? manifest.builtIn : try manifest.entry(matching: Traits(folder))
            defaults = entry?.defaults ?? manifest.unknown
            modelName = options.model == .builtIn ? BuiltInModel.name : entry?.id ?? folder.name
        } catch {
            throw VideoError(room: error)
        }
    }

    /// A prompt that shows what the model can do.
    package var samplePrompt: String { defaults.samplePrompt ?? "" }

    package var dtypeName: String { pipeline.dtype.rawValue }

    /// The request with every default filled in, checked against the model.
    package func settings(for request: VideoRequest) throws(VideoError) -> VideoSettings {
        try request.validate()
        let settings = VideoSettings(
            request, defaults: defaults, folderScheduler: pipeline.folderScheduler,
            hasTwoExperts: pipeline.hasTwoExperts)
        if request.guidanceScale2 != nil, !pipeline.hasTwoExperts {
            throw .invalid("guidance-2 is for models with two experts, \(modelName) has one", hint: "use --guidance")
        }
        try pipeline.validate(settings)
        return settings
    }

    /// Makes the clip and gives its frames, without writing a file.
    package func frames(_ request: VideoRequest) throws(VideoError) -> [Frame] {
        var frames: [Frame] = []
        let goOn = { (_: VideoProgress) in true }
        try pipeline.generate(settings(for: request), report: goOn, dump: nil) { frames.append($0) }
        return frames
    }

    /// Makes the clip and writes it to `path`, which is replaced only by a complete file.
    ///
    /// - Parameter progress: told of every step; answers whether to go on.
    package func generate(
        _ request: VideoRequest, to path: String, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        let settings = try settings(for: request)
        let clock = StageClock()
        do {
            let dumpFile = try options.dumpPath.map { try DumpFile($0) }
            let writer = try MP4Writer(
                path: path, width: settings.width, height: settings.height,
                framesPerSecond: settings.framesPerSecond,
                metadata: options.writesMetadata
                    ? ClipMetadata(settings: settings, model: modelName, backend: backend.name, dtype: dtypeName) : nil)
            let dump = dumpFile.map { _ in TensorDump() }
            let report = { (step: VideoProgress) -> Bool in
                clock.enter(step.stage)
                return progress(step)
            }
            try pipeline.generate(settings, report: report, dump: dump) { try writer.append($0) }
            let bytes = try writer.finish()
            if let dump, let dumpFile { try dumpFile.write(dump) }
            clock.stop()
            return ClipReport(
                path: path, model: modelName, settings: settings, backend: backend.name, dtype: dtypeName,
                encoder: writer.encoderName, fileBytes: bytes, stageSeconds: clock.seconds,
                totalSeconds: clock.totalSeconds, peakMemoryBytes: PeakMemory.bytes,
                peakDeviceMemoryBytes: backend.peakDeviceBytes)
        } catch let error as MediaError {
            throw error.videoError
        } catch {
            throw VideoError(room: error)
        }
    }
}
