import Compute
import Layers
import Models
import Sampling
import VideoTypes

/// Clips of a CogVideoX model: text, picture, noise, denoising, decoding.
final class CogVideoXPipeline: VideoPipeline {
    private let cog: CogVideoXModel
    private let device: Device
    private let networks: CogVideoXNetworks

    init(_ model: CogVideoXModel, on device: Device) {
        cog = model
        self.device = device
        networks = CogVideoXNetworks(model.components, on: device)
    }

    var model: any VideoModel { cog }
    var dtype: DType { device.dtype }
    var profile: DeviceProfile { networks.residency.profile }

    func validate(_ settings: VideoSettings) throws(VideoError) {
        try networks.residency.validate(settings, for: cog)
    }

    /// What one clip is made with.
    private struct Run {
        let settings: VideoSettings
        let picture: Frame?
        let plan: DenoisePlan
        let memory: MemoryEstimate
        let progress: ProgressReporter
        let dump: TensorDump?
    }

    func generate(
        _ settings: VideoSettings, pictures: [PictureRole: Frame], checkpoint: DenoiseCheckpoint?,
        report: @escaping (VideoProgress) -> Bool, dump: TensorDump?, emit: (Frame) throws -> Void
    ) throws(VideoError) {
        if cog.components.index.takesPicture, pictures[.first] == nil {
            throw .invalid(
                "this model makes clips of a picture, got none", field: .referenceImages, hint: "give it one")
        }
        try networks.residency.clip {
            let run = Run(
                settings: settings, picture: cog.components.index.takesPicture ? pictures[.first] : nil,
                plan: cog.plan(settings), memory: cog.memory(settings, on: profile),
                progress: ProgressReporter(report), dump: dump)
            let padded = try denoise(run, checkpoint)
            try dump?.record("latents.final", padded, on: device.backend)
            let frames = cog.latentFrames(settings)
            let latents = padded[padded.shape[0] - frames..<padded.shape[0]]
            let decoder = try networks.residency.network(
                networks.decoder, beside: run.memory[.decode].work, run.progress)
            // Of an even number of latent frames the first is decoded like the others: more frames than asked for.
            var surplus = decoder.frames(of: frames) - settings.clip.frames
            try DecodeStage(
                decoder: decoder, backend: device.backend, finite: FiniteCheck(on: device), progress: run.progress,
                dump: dump
            )
            .run(latents, tiled: settings.tilesVAE) { frame in
                surplus -= 1
                if surplus < 0 { try emit(frame) }
            }
        }
    }

    private func denoise(_ run: Run, _ checkpoint: DenoiseCheckpoint?) throws -> Tensor {
        let stage = DenoiseStage(
            plan: run.plan, backend: device.backend, finite: try FiniteCheck(on: device), checkpoint: checkpoint,
            progress: run.progress, dump: run.dump)
        let noise = NoiseSource(seed: run.settings.sampling.seed, dtype: dtype, dump: run.dump)
        let shape = cog.latentShape(run.settings)
        // The picture's latents are drawn before the clip's.
        let drawn = run.picture == nil ? [] : noise.draw([shape[1], 1, shape[2], shape[3]])
        return try stage.run(shape, noise: noise) {
            let texts = try encodeTexts(run)
            let condition = try run.picture.map { try encode($0, run, shape, noise: drawn) }
            return CogVideoXDenoiser(
                networks, texts, condition: condition, scale: Float(run.settings.sampling.guidance(ofExpert: 0)),
                run.plan.timesteps, workBytes: run.memory[.denoise].work, run.progress)
        }
    }

    private func encodeTexts(_ run: Run) throws -> TextStage.Embeddings {
        guard let tokenizer = cog.tokenizer else { preconditionFailure("clips are made of folders with weights") }
        let encoder = try networks.residency.network(
            networks.textEncoder, beside: run.memory[.text].work, run.progress)
        let stage = TextStage(
            preparation: cog.preparation, tokenizer: tokenizer,
            encoder: { (ids, probe) throws(ComputeError) in try encoder(ids, probe: probe) },
            vocabulary: cog.components.textEncoder.vocabSize, backend: device.backend,
            finite: try FiniteCheck(on: device), progress: run.progress, dump: run.dump)
        return try stage.encode(
            run.settings.prompts.positive,
            negative: Guidance.isNeeded(run.settings) ? run.settings.prompts.negative : nil)
    }

    private func encode(_ picture: Frame, _ run: Run, _ shape: Shape, noise: [Float]) throws -> Tensor {
        let encoder = try networks.residency.network(networks.encoder, beside: run.memory[.text].work, run.progress)
        let condition = CogVideoXPicture(
            frame: picture, config: cog.components.vae, backend: device.backend,
            finite: try FiniteCheck(on: device), dump: run.dump)
        return try condition.condition(shape, encoder, noise: noise)
    }
}
