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
    ///   - keepsExisting: whether the clip takes the next free name where `path` is taken.
    ///   - checkpoint: where to keep the state of the denoise loop, and whence to go on if a state of the same clip is
    ///     there; nil for none.
    ///   - viewer: shown the clip while it is made, where the model draws sketches.
    ///   - progress: told of every step; answers whether to go on.
    func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, keepsExisting: Bool,
        checkpoint: CheckpointPlace?, viewer: LatentViewer?, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport
}

extension ClipEngine {
    /// The same in the place of what has its name.
    package func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage] = [], to path: String, checkpoint: CheckpointPlace?,
        viewer: LatentViewer? = nil, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        try generate(
            settings, pictures: pictures, to: path, keepsExisting: false, checkpoint: checkpoint, viewer: viewer,
            progress: progress)
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
    /// Whether matrices that are stored in 16 bits are multiplied as they are, whatever the activations.
    package let widensWeights: Bool
    /// How many of the blocks that take turns are there at a time.
    package let blockPlaces: Int
    /// What leaves the memory; nil for as little as need be.
    package let offload: Offload?

    package init(
        model: String, backend: String, dtype: String, memoryBytes: Int?, copiesWeights: Bool = true,
        widensWeights: Bool = false, blockPlaces: Int = 2, offload: Offload? = nil
    ) {
        self.model = model
        self.backend = backend
        self.dtype = dtype
        self.memoryBytes = memoryBytes
        self.copiesWeights = copiesWeights
        self.widensWeights = widensWeights
        self.blockPlaces = blockPlaces
        self.offload = offload
    }

    package init(model: String, device: DeviceProfile) {
        self.init(
            model: model, backend: device.name, dtype: device.dtype.rawValue, memoryBytes: device.memoryBytes,
            copiesWeights: device.copiesWeights, widensWeights: device.widensWeights, blockPlaces: device.blockPlaces,
            offload: device.offload)
    }
}
