import Compute
import Layers
import Models
import VideoTypes
import Weights

/// What the stages of a Wan model's clip cost, asked of its networks.
struct WanDryRun {
    private let model: WanModel
    private let settings: VideoSettings
    private let run: DryRun

    init(_ model: WanModel, _ settings: VideoSettings, on device: DeviceProfile) {
        self.model = model
        self.settings = settings
        run = DryRun(device)
    }

    private var components: WanComponents { model.components }
    private var latents: Shape { model.latentShape(settings) }

    var flops: [VideoProgress.Stage: Double] {
        [.text: run.flops(read), .denoise: denoise, .decode: decode]
    }

    private func read() throws {
        try run.read(model.texts(settings), components.textEncoder)
        let stills = model.shownFrames(settings)
        guard !stills.isEmpty else { return }
        if let config = components.imageEncoder {
            let tower = try CLIPVisionTower(.imagined, config, on: run.device)
            for _ in stills.filter({ $0.role != nil }) {
                _ = try tower(run.allocate([3, 1, config.imageSize, config.imageSize]))
            }
        }
        let encoder = try WanComponents.encoder(.imagined, components.vae, on: run.device)
        let (height, width) = (settings.clip.height, settings.clip.width)
        _ = try encoder(stills.map { .init(frame: try encoder.grey(height: height, width: width), count: $0.count) })
    }

    private var denoise: Double {
        let plan = model.plan(settings)
        return plan.runs.reduce(0) { sum, part in
            let config = components.transformer(expert: part.expert)
            let grid = config.grid(latents)
            let factorized = FactorizedAttention(settings, frame: grid.frame, frames: grid.frames)
            let (once, passes) = denoise(config, steps: part.steps.count)
            let texts = Double(model.texts(settings).count)
            return part.steps.reduce(sum + once) { sum, step in
                let beyond = factorized?.step(step, of: plan.stepCount)?.flops(
                    beyondFullOf: grid.frame * grid.frames, layers: config.numLayers, width: config.dim)
                return sum + passes + texts * (beyond ?? 0)
            }
        }
    }

    /// What a run of steps costs once, and in each step.
    private func denoise(_ config: WanTransformerConfig, steps: Int) -> (once: Double, step: Double) {
        // A frame that is held has a time of its own.
        let isHeld = components.index.expandTimesteps && !model.shownFrames(settings).isEmpty
        let (pass, once) = run.counted { () -> () throws -> Void in
            let transformer = try WanTransformer(.imagined, config, on: run.device)
            let pictures = try pictures(config).map { try transformer.pictures($0) }
            let contexts = try model.texts(settings).map {
                try transformer.context(run.allocate([$0, config.textDim]), pictures: pictures)
            }
            let times = try transformer.times([Float](repeating: 0, count: steps), holdsFrames: isHeld)
            let grid = try transformer.grid(latents, heldFrames: isHeld ? 1 : 0)
            let channels = config.outChannels + config.conditionChannels
            let shown = run.allocate(Shape([channels] + latents.dims.dropFirst()))
            return {
                for context in contexts {
                    try transformer(
                        shown, time: times[0], context: context, grid: grid,
                        into: run.allocate(latents))
                }
            }
        }
        return (once, run.flops(pass))
    }

    /// States of the image encoder; nil where there are none.
    private func pictures(_ config: WanTransformerConfig) -> Tensor? {
        guard let width = config.imageDim else { return nil }
        let tokens = model.pictureTokens(settings)
        return tokens > 0 ? run.allocate([tokens, width]) : nil
    }

    private var decode: Double {
        run.decode(latents, tiled: settings.tilesVAE) {
            try WanVAEDecoder(.imagined, components.vae, on: run.device)
        }
    }
}
