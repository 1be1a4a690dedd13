import Compute
import Layers
import Models
import VideoTypes

/// Clips of a CogVideoX model: text, picture, noise, denoising, decoding.
final class CogVideoXPipeline: VideoPipeline {
    private let cog: CogVideoXModel
    private let device: Device
    private let networks: CogVideoXNetworks
    var adapters = AdapterSet.none

    init(_ model: CogVideoXModel, on device: Device, _ terms: MemoryTerms) {
        cog = model
        self.device = device
        networks = CogVideoXNetworks(model.components, on: device, terms)
    }

    var model: any VideoModel { cog }
    var dtype: DType { device.dtype }
    var profile: DeviceProfile { networks.residency.profile }

    func validate(_ settings: VideoSettings) throws(VideoError) {
        try networks.residency.validate(settings, for: cog)
    }

    func generate(
        _ settings: VideoSettings, pictures: [PictureRole: Frame], checkpoint: DenoiseCheckpoint?,
        viewer: LatentViewer?, report: @escaping (VideoProgress) -> Bool, dump: TensorDump?,
        emit: (Frame) throws -> Void
    ) throws(VideoError) {
        try networks.residency.clip {
            let run = ClipRun(
                settings, cog.plan(settings), cog.memory(settings, on: profile), networks.residency, adapters,
                report: report, dump)
            let padded = try denoise(run, pictures, checkpoint)
            try dump?.record("latents.final", padded, on: device.backend)
            let frames = cog.latentFrames(settings)
            let latents = padded[padded.shape[0] - frames..<padded.shape[0]]
            let decoder = try run.network(networks.decoder, for: .decode)
            // Of an even number of latent frames the first is decoded like the others: more frames than asked for.
            var surplus = decoder.frames(of: frames) - settings.clip.frames
            try run.decode(latents, by: decoder) { frame in
                surplus -= 1
                if surplus < 0 { try emit(frame) }
            }
        }
    }

    private func denoise(
        _ run: ClipRun, _ pictures: [PictureRole: Frame], _ checkpoint: DenoiseCheckpoint?
    ) throws -> Tensor {
        let takesPicture = cog.components.index.takesPicture
        let noise = NoiseSource(seed: run.settings.sampling.seed, dtype: dtype, dump: run.dump)
        let shape = cog.latentShape(run.settings)
        // The picture's latents are drawn before the clip's.
        let drawn = takesPicture ? noise.draw([shape[1], 1, shape[2], shape[3]]) : []
        return try run.denoise(shape, noise: noise, checkpoint) {
            let picture = takesPicture ? try run.picture(.first, of: pictures) : nil
            let texts = try run.texts(
                cog.preparation, cog.tokenizer, networks.textEncoder, cog.components.textEncoder)
            let condition = try picture.map { try encode($0, run, shape, noise: drawn) }
            return CogVideoXDenoiser(
                networks, texts, condition: condition, factorized: cog.factorized(run.settings), run)
        }
    }

    private func encode(_ picture: Frame, _ run: ClipRun, _ shape: Shape, noise: [Float]) throws -> Tensor {
        let encoder = try run.network(networks.encoder, for: .text)
        try run.progress.begin(.text, total: 1)
        let condition = CogVideoXPicture(
            frame: picture, config: cog.components.vae, backend: device.backend, finite: try run.finiteCheck(),
            dump: run.dump)
        let drawn = try condition.condition(shape, encoder, noise: noise)
        try run.progress.advance()
        return drawn
    }
}
