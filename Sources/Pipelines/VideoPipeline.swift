package import Compute
package import VideoTypes

/// Makes clips with one model on one device, from settings to frames.
///
/// Confined to one thread. What was loaded for a clip stays for the next where memory allows.
package protocol VideoPipeline: AnyObject {
    var model: any VideoModel { get }
    /// Of activations.
    var dtype: DType { get }
    /// The device as it is now; what is held for clips to come counts as free.
    var profile: DeviceProfile { get }

    /// What is laid over the weights of the next clip, whose settings must name it.
    var adapters: AdapterSet { get set }

    /// Checks settings against what the model can make on this device.
    func validate(_ settings: VideoSettings) throws(VideoError)

    /// Makes a clip; `settings` must have passed `validate`.
    ///
    /// - Parameters:
    ///   - pictures: those that the settings name.
    ///   - checkpoint: where the denoise loop keeps its state, and goes on from; nil for nowhere.
    ///   - viewer: shown the clip while it is made, where the model draws sketches.
    ///   - report: told of every step; answers whether to go on.
    ///   - dump: receives every intermediate result, for comparison with a reference.
    ///   - emit: receives the frames in order, as the decoder yields them.
    func generate(
        _ settings: VideoSettings, pictures: [PictureRole: Frame], checkpoint: DenoiseCheckpoint?,
        viewer: LatentViewer?, report: @escaping (VideoProgress) -> Bool, dump: TensorDump?,
        emit: (Frame) throws -> Void
    ) throws(VideoError)
}

extension VideoPipeline {
    /// Makes a clip that nobody looks at before it is there.
    package func generate(
        _ settings: VideoSettings, pictures: [PictureRole: Frame], checkpoint: DenoiseCheckpoint?,
        report: @escaping (VideoProgress) -> Bool, dump: TensorDump?, emit: (Frame) throws -> Void
    ) throws(VideoError) {
        try generate(
            settings, pictures: pictures, checkpoint: checkpoint, viewer: nil, report: report, dump: dump, emit: emit)
    }

    /// Makes a clip of words alone, without a checkpoint.
    package func generate(
        _ settings: VideoSettings, report: @escaping (VideoProgress) -> Bool, dump: TensorDump?,
        emit: (Frame) throws -> Void
    ) throws(VideoError) {
        try generate(settings, pictures: [:], checkpoint: nil, report: report, dump: dump, emit: emit)
    }
}
