package import Compute
import Layers
import Models
import Sampling
import Tokenizers
package import VideoTypes
package import Weights

/// Text to video with a Wan model: text, noise, denoising, decoding, each stage's weights released before the next.
package final class WanPipeline {
    package let model: WanModel
    private var components: WanComponents { model.components }
    private let device: Device

    /// - Parameter dtype: of activations; nil takes what suits model and backend.
    package init(_ model: WanModel, backend: any Backend, dtype: DType?) {
        self.model = model
        device = Device(backend: backend, dtype: dtype ?? model.dtype(prefersBF16: backend.prefersBF16))
    }

    /// Opens a folder in the Diffusers layout, as `WanModel` does.
    package convenience init(_ folder: ModelFolder, backend: any Backend, dtype: DType?) throws(VideoError) {
        self.init(try WanModel(folder), backend: backend, dtype: dtype)
    }

    package var dtype: DType { device.dtype }

    /// The device as it is now.
    package var profile: DeviceProfile {
        DeviceProfile(
            name: device.backend.name, dtype: dtype, copiesWeights: device.backend.copiesWeights,
            memoryBytes: device.backend.memoryBytes)
    }

    /// Checks settings against what this model can make on this device.
    package func validate(_ settings: VideoSettings) throws(VideoError) {
        try model.validate(settings)
        try model.checkMemory(settings, on: profile)
    }

    /// Makes a clip; `settings` must have passed `validate`.
    ///
    /// - Parameters:
    ///   - report: told of every step; answers whether to go on.
    ///   - dump: receives every intermediate result, for comparison with a reference.
    ///   - emit: receives the frames in order, as the decoder yields them.
    package func generate(
        _ settings: VideoSettings, report: @escaping (VideoProgress) -> Bool, dump: TensorDump?,
        emit: (Frame) throws -> Void
    ) throws(VideoError) {
        do {
            let progress = ProgressReporter(report)
            let texts = try encodeTexts(settings, progress, dump)
            let latents = try denoise(settings, texts, progress, dump)
            try progress.begin(.load, total: 1)
            let decoder = try components.makeDecoder(on: device)
            try DecodeStage(decoder: decoder, backend: device.backend, progress: progress, dump: dump)
                .run(latents, tiled: settings.tilesVAE, emit: emit)
        } catch {
            throw VideoError(room: error)
        }
    }

    private func encodeTexts(
        _ settings: VideoSettings, _ progress: ProgressReporter, _ dump: TensorDump?
    ) throws -> TextStage.Embeddings {
        try progress.begin(.load, total: 1)
        let encoder = try components.makeTextEncoder(on: device)
        let stage = TextStage(
            tokenizer: model.tokenizer, encoder: encoder, vocabulary: components.textEncoder.vocabSize,
            length: components.transformer.textLen, backend: device.backend, dump: dump)
        try progress.begin(.text, total: 1)
        let texts = try stage.encode(
            settings.prompt, negative: Guidance.isNeeded(Float(settings.guidanceScale)) ? settings.negativePrompt : nil)
        try progress.advance()
        return texts
    }

    private func denoise(
        _ settings: VideoSettings, _ texts: TextStage.Embeddings, _ progress: ProgressReporter, _ dump: TensorDump?
    ) throws -> Tensor {
        let shape = model.latentShape(settings)
        var random = TorchRandomSource(seed: settings.seed)
        let noise = random.normals(shape.count)
        dump?.record("rng.000", [1] + shape.dims, noise)
        dump?.record("noise.initial", [1] + shape.dims, noise)
        let latents = try device.backend.upload(noise, shape)
        let stage = DenoiseStage(
            components: components, device: device, settings: settings, progress: progress, dump: dump)
        try stage.run(latents, texts)
        return latents
    }
}
