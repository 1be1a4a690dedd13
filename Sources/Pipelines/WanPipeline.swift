package import Compute
import Layers
import Models
import Sampling
import Tokenizers
package import VideoTypes
package import Weights

/// Text to video with a Wan model: text, noise, denoising, decoding.
///
/// What was loaded for a clip stays for the next where memory allows.
package final class WanPipeline {
    package let model: WanModel
    private let device: Device
    private let networks: LoadedNetworks

    /// - Parameter dtype: of activations; nil takes what suits model and backend.
    package init(_ model: WanModel, backend: any Backend, dtype: DType?) {
        self.model = model
        device = Device(backend: backend, dtype: dtype ?? model.dtype(prefersBF16: backend.prefersBF16))
        networks = LoadedNetworks(model.components, on: device)
    }

    /// Opens a folder in the Diffusers layout, as `WanModel` does.
    package convenience init(_ folder: ModelFolder, backend: any Backend, dtype: DType?) throws(VideoError) {
        self.init(try WanModel(folder), backend: backend, dtype: dtype)
    }

    package var dtype: DType { device.dtype }

    /// The device as it is now; what is held for clips to come counts as free.
    package var profile: DeviceProfile {
        DeviceProfile(
            name: device.backend.name, dtype: dtype, copiesWeights: device.backend.copiesWeights,
            memoryBytes: device.backend.memoryBytes.map { $0 + networks.heldBytes })
    }

    /// Checks settings against what this model can make on this device.
    package func validate(_ settings: VideoSettings) throws(VideoError) {
        try model.validate(settings)
        do {
            try model.checkMemory(settings, on: profile)
        } catch {
            // What is held was counted; now it is measured.
            networks.releaseAll()
            try model.checkMemory(settings, on: profile)
        }
    }

    /// What one clip is made with.
    private struct Run {
        let settings: VideoSettings
        let plan: DenoisePlan
        let work: MemoryEstimate
        let progress: ProgressReporter
        let dump: TensorDump?
    }

    /// Makes a clip; `settings` must have passed `validate`.
    ///
    /// - Parameters:
    ///   - checkpoint: where the denoise loop keeps its state, and goes on from; nil for nowhere.
    ///   - report: told of every step; answers whether to go on.
    ///   - dump: receives every intermediate result, for comparison with a reference.
    ///   - emit: receives the frames in order, as the decoder yields them.
    package func generate(
        _ settings: VideoSettings, checkpoint: DenoiseCheckpoint? = nil, report: @escaping (VideoProgress) -> Bool,
        dump: TensorDump?, emit: (Frame) throws -> Void
    ) throws(VideoError) {
        do {
            let run = Run(
                settings: settings, plan: DenoisePlan(settings, model.components),
                work: model.memoryEstimate(settings, on: profile), progress: ProgressReporter(report), dump: dump)
            let latents = try denoise(run, checkpoint)
            let decoder = try networks.decoder(beside: run.work.decodeWork, run.progress)
            let finite = try FiniteCheck(on: device)
            try DecodeStage(
                decoder: decoder, backend: device.backend, finite: finite, progress: run.progress, dump: dump
            )
            .run(latents, tiled: settings.tilesVAE, emit: emit)
        } catch {
            let error = VideoError(reporting: error)
            // Whatever went wrong, the next clip begins with weights of its own.
            if error.code != .cancelled { networks.releaseAll() }
            throw error
        }
    }

    private func denoise(_ run: Run, _ checkpoint: DenoiseCheckpoint?) throws -> Tensor {
        let shape = model.latentShape(run.settings)
        let state = checkpoint?.state(run.plan, shape)
        let latents = try device.backend.upload(state?.latents ?? noise(run, shape), shape)
        let count = run.plan.schedule.stepCount
        guard state?.step != count else {
            try run.progress.begin(.denoise, completed: count, total: count)
            return latents
        }
        let stage = DenoiseStage(
            components: model.components, networks: networks, workBytes: run.work.denoiseWork, device: device,
            finite: try FiniteCheck(on: device), settings: run.settings, plan: run.plan, checkpoint: checkpoint,
            progress: run.progress, dump: run.dump)
        try stage.run(latents, encodeTexts(run), after: state)
        return latents
    }

    private func encodeTexts(_ run: Run) throws -> TextStage.Embeddings {
        guard let tokenizer = model.tokenizer else { preconditionFailure("clips are made of folders with weights") }
        let stage = TextStage(
            tokenizer: tokenizer, encoder: try networks.textEncoder(beside: 0, run.progress),
            vocabulary: model.components.textEncoder.vocabSize, length: model.components.transformer.textLen,
            backend: device.backend, finite: try FiniteCheck(on: device), progress: run.progress, dump: run.dump)
        return try stage.encode(
            run.settings.prompts.positive,
            negative: Guidance.isNeeded(run.settings) ? run.settings.prompts.negative : nil)
    }

    private func noise(_ run: Run, _ shape: Shape) -> [Float] {
        var random = TorchRandomSource(seed: run.settings.sampling.seed)
        let noise = random.normals(shape.count)
        run.dump?.record("rng.000", [1] + shape.dims, noise)
        run.dump?.record("noise.initial", [1] + shape.dims, noise)
        return noise
    }
}
