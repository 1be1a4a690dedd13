import Compute
import Layers
import Models
import VideoTypes
import Weights

/// What the stages of a CogVideoX model's clip cost, asked of its networks.
extension DryRun<CogVideoXModel> {
    private var components: CogVideoXComponents { model.components }
    private var latents: Shape { model.latentShape(settings) }
    private var texts: Int { model.texts(settings) }

    var flops: [VideoProgress.Stage: Double] {
        [.text: flops(of: readAll), .denoise: denoise, .decode: decode]
    }

    private func readAll() throws {
        try read([Int](repeating: model.tokenLimit, count: texts), components.textEncoder)
        guard components.index.takesPicture else { return }
        let encoder = try CogVideoXVAEEncoder(.imagined, components.vae, on: device)
        _ = try encoder(allocate([1, settings.clip.height, settings.clip.width, 3]))
    }

    private var denoise: Double {
        let (config, steps) = (components.transformer, settings.sampling.steps)
        let (step, once) = counted { () -> () throws -> Void in
            let transformer = try CogVideoXTransformer(.imagined, config, on: device)
            let contexts = try (0..<texts).map { _ in
                try transformer.context(allocate([config.maxTextSeqLength, config.textEmbedDim]))
            }
            let times = try transformer.times([Float](repeating: 0, count: steps))
            let grid = try transformer.grid(latents)
            let shown = allocate([latents[0], config.inChannels, latents[2], latents[3]])
            return {
                let modulation = try transformer.modulation(times[0..<1])
                for context in contexts {
                    try transformer(
                        shown, modulation: modulation, context: context, grid: grid, into: allocate(latents))
                }
            }
        }
        let passes = flops(of: step)
        let factorized = model.factorized(settings)
        return (0..<steps).reduce(once) { sum, step in
            let beyond = factorized?.step(step, of: steps)?.flops(
                beyondFullOf: model.tokenLimit + model.tokens(settings), layers: config.numLayers, width: config.dim)
            return sum + passes + Double(texts) * (beyond ?? 0)
        }
    }

    /// The frames that filled the first patch are not decoded.
    private var decode: Double {
        flops(decoding: [model.latentFrames(settings), latents[1], latents[2], latents[3]]) {
            try CogVideoXVAEDecoder(.imagined, components.vae, on: device)
        }
    }
}
