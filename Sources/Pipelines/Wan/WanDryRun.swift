import Compute
import Layers
import Models
import VideoTypes
import Weights

/// What the stages of a Wan model's clip cost, asked of its networks.
extension DryRun<WanModel> {
    private var components: WanComponents { model.components }
    private var latents: Shape { model.latentShape(settings) }

    var flops: [VideoProgress.Stage: Double] {
        [.text: flops(of: readAll), .denoise: denoise, .decode: decode]
    }

    private func readAll() throws {
        try read(model.texts(settings), components.textEncoder)
        let stills = model.shownFrames(settings)
        guard !stills.isEmpty else { return }
        if let config = components.imageEncoder {
            let tower = try CLIPVisionTower(.imagined, config, on: device)
            for _ in stills.filter({ $0.role != nil }) {
                _ = try tower(allocate([3, 1, config.imageSize, config.imageSize]))
            }
        }
        let encoder = try WanComponents.encoder(.imagined, components.vae, on: device)
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
        let (pass, once) = counted { () -> () throws -> Void in
            let transformer = try WanTransformer(.imagined, config, on: device)
            let pictures = try pictures(config).map { try transformer.pictures($0) }
            let contexts = try model.texts(settings).map {
                try transformer.context(allocate([$0, config.textDim]), pictures: pictures)
            }
            let times = try transformer.times([Float](repeating: 0, count: steps), holdsFrames: isHeld)
            let grid = try transformer.grid(latents, heldFrames: isHeld ? 1 : 0)
            let channels = config.outChannels + config.conditionChannels
            let shown = allocate(Shape([channels] + latents.dims.dropFirst()))
            return {
                for context in contexts {
                    try transformer(
                        shown, time: times[0], context: context, grid: grid,
                        into: allocate(latents))
                }
            }
        }
        return (once, flops(of: pass))
    }

    /// States of the image encoder; nil where there are none.
    private func pictures(_ config: WanTransformerConfig) -> Tensor? {
        guard let width = config.imageDim else { return nil }
        let tokens = model.pictureTokens(settings)
        return tokens > 0 ? allocate([tokens, width]) : nil
    }

    private var decode: Double {
        flops(decoding: latents) { try WanVAEDecoder(.imagined, components.vae, on: device) }
    }
}
