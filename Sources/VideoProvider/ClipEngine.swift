import Compute
package import Pipelines
package import VideoTypes

/// What makes clips: the engine, or one that pretends.
///
/// Confined to one thread.
package protocol ClipEngine: AnyObject {
    var facts: EngineFacts { get }

    /// Makes the clip and writes it to `path`, which is replaced only by a complete file.
    ///
    /// - Parameters:
    ///   - pictures: those that the settings name.
    ///   - checkpoint: where to keep the state of the denoise loop, and whence to go on if a state of the same clip is
    ///     there; nil for none.
    ///   - progress: told of every step; answers whether to go on.
    func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, checkpoint: CheckpointPlace?,
        progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport

    /// The same, shown to somebody where the model draws sketches.
    func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, checkpoint: CheckpointPlace?,
        viewer: LatentViewer, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport
}

extension ClipEngine {
    /// Of an engine that draws nothing.
    package func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, checkpoint: CheckpointPlace?,
        viewer: LatentViewer, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        try generate(settings, pictures: pictures, to: path, checkpoint: checkpoint, progress: progress)
    }

    /// Makes a clip of words alone.
    package func generate(
        _ settings: VideoSettings, to path: String, checkpoint: CheckpointPlace?,
        progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        try generate(settings, pictures: [], to: path, checkpoint: checkpoint, progress: progress)
    }
}

/// Where and how often a denoise loop keeps its state.
package struct CheckpointPlace: Sendable, Hashable, Codable {
    /// Written whole or not at all; removed when the clip is finished.
    package let path: String
    package let everySteps: Int

    package init(path: String, everySteps: Int) {
        self.path = path
        self.everySteps = everySteps
    }
}

/// What an engine runs on.
package struct EngineFacts: Sendable, Hashable, Codable {
    package let model: String
    package let backend: String
    package let dtype: String
    /// What a clip may take at its peak; nil where it is not known.
    package let memoryBytes: Int?
    /// Whether weights take room there even where their dtype fits.
    package let copiesWeights: Bool

    package init(model: String, backend: String, dtype: String, memoryBytes: Int?, copiesWeights: Bool = true) {
        self.model = model
        self.backend = backend
        self.dtype = dtype
        self.memoryBytes = memoryBytes
        self.copiesWeights = copiesWeights
    }

    package init(model: String, device: DeviceProfile) {
        self.init(
            model: model, backend: device.name, dtype: device.dtype.rawValue, memoryBytes: device.memoryBytes,
            copiesWeights: device.copiesWeights)
    }
}
