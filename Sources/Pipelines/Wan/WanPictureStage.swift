import Compute
import Models
import Pictures
import VideoTypes

/// Pictures to what the transformer is told of them.
struct WanPictureStage {
    let model: WanModel
    let networks: WanNetworks
    let run: ClipRun

    private var backend: any Backend { run.backend }
    private var hasTower: Bool { model.components.imageEncoder != nil }
    private var dump: TensorDump? { run.dump }

    /// What the transformer is told of the pictures of a clip.
    struct Told {
        /// f32 `[mask and C, T, H, W]` beside the latents, or `[C, 1, H, W]` in the place of their first frame.
        let condition: Tensor
        let isHeld: Bool
        /// Hidden states of the image encoder, f32 `[tokens, image_dim]`; nil where there is none.
        let states: Tensor?
    }

    /// Nil for a clip of words alone.
    func told(of pictures: [PictureRole: Frame]) throws -> Told? {
        let frames = model.shownFrames(run.settings)
        guard !frames.isEmpty else { return nil }
        for case let role? in frames.map(\.role) { _ = try run.picture(role, of: pictures) }
        let states = hasTower ? try look(frames.compactMap { $0.role.flatMap { pictures[$0] } }) : nil
        let latents = try encode(frames, pictures)
        let isHeld = model.components.index.expandTimesteps
        let condition = isHeld ? latents : try masked(latents, frames)
        try dump?.record("image.condition", condition, on: backend)
        return Told(condition: condition, isHeld: isHeld, states: states)
    }

    /// Hidden states of all pictures, one behind the other.
    private func look(_ pictures: [Frame]) throws -> Tensor {
        guard let config = model.components.imageEncoder, let processor = model.components.imageProcessor else {
            preconditionFailure("a model without an image encoder")
        }
        let tower = try run.network(networks.imageEncoder, for: .text)
        // What a network's loading has told ends here.
        try run.progress.begin(.text, total: 2)
        let (side, tokens) = (config.imageSize, config.tokens)
        let states = try backend.allocate([pictures.count * tokens, config.hiddenSize], .f32)
        var pixels: [Float] = []
        for (index, picture) in pictures.enumerated() {
            let input = try backend.upload([3, 1, side, side]) {
                let planes = CLIPPreprocessing(processor).planes(of: picture).values
                pixels += planes
                return planes
            }
            let own = try tower(input, probe: probe(picture: index))
            let finite = try run.finiteCheck()
            guard try finite.passes(own) else {
                let search = try finite.search()
                _ = try tower(input, probe: search.look)
                throw finite.failure(.text, "the image encoder", part: search.part.map { "block.\($0)" })
            }
            try backend.copy(own, into: states[index * tokens..<(index + 1) * tokens])
        }
        dump?.record("image.clip_pixels", [pictures.count, 3, side, side], pixels)
        try dump?.record(
            "image.clip_embeds", [pictures.count, tokens, config.hiddenSize], backend.download(states))
        try run.progress.advance()
        return states
    }

    private func probe(picture index: Int) -> Probe? {
        guard let dump else { return nil }
        return { [backend] (part, value) throws(ComputeError) in
            try dump.record("image.clip.\(part).part.\(index)", value, on: backend)
        }
    }

    /// Normalised latents f32 `[C, T, H, W]` of the frames that are shown.
    private func encode(
        _ frames: [(role: PictureRole?, count: Int)], _ pictures: [PictureRole: Frame]
    ) throws -> Tensor {
        let encoder = try run.network(networks.encoder, for: .text)
        try run.progress.begin(.text, completed: hasTower ? 1 : 0, total: hasTower ? 2 : 1)
        let (width, height) = (run.settings.clip.width, run.settings.clip.height)
        var stills: [WanVAEEncoder.Still] = []
        for (role, count) in frames {
            guard let role, let picture = pictures[role] else {
                stills.append(.init(frame: try encoder.grey(height: height, width: width), count: count))
                continue
            }
            let frame = try encoder.frame(height: height, width: width) {
                let planes = PicturePlanes(ofClip: picture, width: width, height: height).values
                dump?.record("image.\(role.rawValue)", [3, height, width], planes)
                return planes
            }
            stills.append(.init(frame: frame, count: count))
        }
        let latents = try encoder(stills, probe: dump?.probe("vae.encode", on: backend))
        let finite = try run.finiteCheck()
        guard try finite.passes(latents) else {
            let search = try finite.search()
            _ = try encoder(stills, probe: search.look)
            throw finite.failure(.text, "the encoder of pictures", part: search.part)
        }
        try run.progress.advance()
        return latents
    }

    /// Behind a mask f32 `[frames of a latent frame, T, H, W]` that is 1 where a frame is given.
    ///
    /// The first frame of a clip is alone in its latent frame: there it stands for all.
    private func masked(_ latents: Tensor, _ frames: [(role: PictureRole?, count: Int)]) throws -> Tensor {
        let factor = model.components.vae.scaleFactorTemporal
        let shape = latents.shape
        let (count, plane) = (shape[1], shape[2] * shape[3])
        let given = frames.flatMap { [Bool](repeating: $0.role != nil, count: $0.count) }
        let slots = [Bool](repeating: given[0], count: factor - 1) + given
        let mask = try backend.upload([factor, count, shape[2], shape[3]]) {
            (0..<factor).flatMap { slot in
                (0..<count).flatMap { frame in
                    [Float](repeating: slots[frame * factor + slot] ? 1 : 0, count: plane)
                }
            }
        }
        let all = try backend.allocate([factor + shape[0], count, shape[2], shape[3]], .f32)
        try backend.copy(mask, into: all[0..<factor])
        try backend.copy(latents, into: all[factor..<factor + shape[0]])
        return all
    }
}

extension CLIPPreprocessing {
    fileprivate init(_ config: CLIPProcessorConfig) {
        self.init()
        (shortestEdge, cropWidth, cropHeight) = (config.shortestEdge, config.cropWidth, config.cropHeight)
        (rescaleFactor, mean, deviation) = (config.rescaleFactor, config.imageMean, config.imageStd)
    }
}
