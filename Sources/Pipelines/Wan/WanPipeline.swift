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

    init(_ model: WanModel, on device: Device, _ terms: MemoryTerms) {
        wan = model
        self.device = device
        networks = WanNetworks(model.components, on: device, terms)
    }

    var model: any VideoModel { wan }
    var dtype: DType { device.dtype }
    var profile: DeviceProfile { networks.residency.profile }

    func validate(_ settings: VideoSettings) throws(VideoError) {
        try networks.residency.validate(settings, for: wan)
    }

    func generate(
        _ settings: VideoSettings, pictures: [PictureRole: Frame], checkpoint: DenoiseCheckpoint?,
        viewer: LatentViewer?, report: @escaping (VideoProgress) -> Bool, dump: TensorDump?,
        emit: (Frame) throws -> Void
    ) throws(VideoError) {
        try networks.residency.clip {
            let run = ClipRun(
                settings, wan.plan(settings), wan.memory(settings, on: profile), networks.residency, adapters,
                report: report, dump)
            let noise = NoiseSource(seed: settings.sampling.seed, dump: dump)
            let sketch = viewer.flatMap { viewer in
                wan.components.vae.colours.map { LatentSketch(colours: $0, viewer: viewer) }
            }
            let latents = try run.denoise(wan.latentShape(settings), noise: noise, checkpoint, sketch) {
                let told = try WanPictureStage(model: wan, networks: networks, run: run).told(of: pictures)
                let texts = try run.texts(
                    wan.preparation, wan.tokenizer, networks.textEncoder, wan.components.textEncoder)
                return WanDenoiser(wan.components, networks, texts, told, run)
            }
            try dump?.record("latents.final", latents, on: device.backend)
            try run.decode(latents, by: run.network(networks.decoder, for: .decode), emit: emit)
        }
    }
}
