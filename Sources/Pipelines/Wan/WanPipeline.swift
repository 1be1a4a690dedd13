import Compute
import Layers
import Models
import Sampling
import VideoTypes

/// Clips of a Wan model: text, noise, denoising, decoding.
final class WanPipeline: VideoPipeline {
    private let wan: WanModel
    private let device: Device
    private let networks: WanNetworks

    init(_ model: WanModel, on device: Device) {
        wan = model
        self.device = device
        networks = WanNetworks(model.components, on: device)
    }

    var model: any VideoModel { wan }
    var dtype: DType { device.dtype }
    var profile: DeviceProfile { networks.residency.profile }

    func validate(_ settings: VideoSettings) throws(VideoError) {
        try networks.residency.validate(settings, for: wan)
    }

    /// What one clip is made with.
    private struct Run {
        let settings: VideoSettings
        let plan: DenoisePlan
        let memory: MemoryEstimate
        let progress: ProgressReporter
        let dump: TensorDump?
    }

    func generate(
        _ settings: VideoSettings, pictures: [PictureRole: Frame], checkpoint: DenoiseCheckpoint?,
        report: @escaping (VideoProgress) -> Bool, dump: TensorDump?, emit: (Frame) throws -> Void
    ) throws(VideoError) {
        try networks.residency.clip {
            let run = Run(
                settings: settings, plan: wan.plan(settings), memory: wan.memory(settings, on: profile),
                progress: ProgressReporter(report), dump: dump)
            let told = try tell(pictures, run)
            let latents = try denoise(run, told, checkpoint)
            if let told, told.isHeld {
                for channel in 0..<latents.shape[0] {
                    let frame = told.condition[channel]
                    try device.backend.copy(frame, into: latents[channel][0..<frame.shape[0]])
                }
            }
            try dump?.record("latents.final", latents, on: device.backend)
            let decoder = try networks.residency.network(
                networks.decoder, beside: run.memory[.decode].work, run.progress)
            try DecodeStage(
                decoder: decoder, backend: device.backend, finite: FiniteCheck(on: device), progress: run.progress,
                dump: dump
            )
            .run(latents, tiled: settings.tilesVAE, emit: emit)
        }
    }

    private func tell(_ pictures: [PictureRole: Frame], _ run: Run) throws -> WanPictureStage.Told? {
        try WanPictureStage(
            model: wan, networks: networks, workBytes: run.memory[.text].work, backend: device.backend,
            finite: FiniteCheck(on: device), progress: run.progress, dump: run.dump
        )
        .run(run.settings, pictures)
    }

    private func denoise(
        _ run: Run, _ told: WanPictureStage.Told?, _ checkpoint: DenoiseCheckpoint?
    ) throws -> Tensor {
        let stage = DenoiseStage(
            plan: run.plan, backend: device.backend, finite: try FiniteCheck(on: device), checkpoint: checkpoint,
            progress: run.progress, dump: run.dump)
        let noise = NoiseSource(seed: run.settings.sampling.seed, dump: run.dump)
        return try stage.run(wan.latentShape(run.settings), noise: noise) {
            WanDenoiser(
                wan.components, networks, try encodeTexts(run), told, run.settings, run.plan.timesteps,
                workBytes: run.memory[.denoise].work, run.progress)
        }
    }

    private func encodeTexts(_ run: Run) throws -> TextStage.Embeddings {
        guard let tokenizer = wan.tokenizer else { preconditionFailure("clips are made of folders with weights") }
        let encoder = try networks.residency.network(
            networks.textEncoder, beside: run.memory[.text].work, run.progress)
        let stage = TextStage(
            preparation: wan.preparation, tokenizer: tokenizer,
            encoder: { (ids, probe) throws(ComputeError) in try encoder(ids, probe: probe) },
            vocabulary: wan.components.textEncoder.vocabSize, backend: device.backend,
            finite: try FiniteCheck(on: device), progress: run.progress, dump: run.dump)
        return try stage.encode(
            run.settings.prompts.positive,
            negative: Guidance.isNeeded(run.settings) ? run.settings.prompts.negative : nil)
    }
}
