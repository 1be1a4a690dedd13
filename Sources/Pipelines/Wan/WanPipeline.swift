import Compute
import Layers
import Models
import VideoTypes

/// Clips of a Wan model: text, noise, denoising, decoding.
final class WanPipeline: VideoPipeline {
    private let wan: WanModel
    private let device: Device
    private let networks: WanNetworks
    var adapters = AdapterSet.none

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

    func generate(
        _ settings: VideoSettings, pictures: [PictureRole: Frame], checkpoint: DenoiseCheckpoint?,
        report: @escaping (VideoProgress) -> Bool, dump: TensorDump?, emit: (Frame) throws -> Void
    ) throws(VideoError) {
        try networks.residency.clip {
            let run = ClipRun(
                settings, wan.plan(settings), wan.memory(settings, on: profile), networks.residency, adapters,
                report: report, dump)
            let told = try WanPictureStage(model: wan, networks: networks, run: run).told(of: pictures)
            let noise = NoiseSource(seed: settings.sampling.seed, dump: dump)
            let latents = try run.denoise(wan.latentShape(settings), noise: noise, checkpoint) {
                let texts = try run.texts(
                    wan.preparation, wan.tokenizer, networks.textEncoder, wan.components.textEncoder)
                return WanDenoiser(wan.components, networks, texts, told, run)
            }
            if let told, told.isHeld { try hold(told.condition, in: latents) }
            try dump?.record("latents.final", latents, on: device.backend)
            try run.decode(latents, by: run.network(networks.decoder, for: .decode), emit: emit)
        }
    }

    /// Puts the frames that pictures gave in the place of what the solver made of them.
    private func hold(_ frames: Tensor, in latents: Tensor) throws(ComputeError) {
        for channel in 0..<latents.shape[0] {
            let frame = frames[channel]
            try device.backend.copy(frame, into: latents[channel][0..<frame.shape[0]])
        }
    }
}
