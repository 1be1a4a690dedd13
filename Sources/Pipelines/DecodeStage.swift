import Compute
import Models
import VideoTypes

/// Latents to frames, chunk by chunk.
struct DecodeStage {
    let decoder: WanVAEDecoder
    let backend: any Backend
    let finite: FiniteCheck
    let progress: ProgressReporter
    let dump: TensorDump?

    /// Gives the frames in order: as they are decoded, or after the last tile where the decoding is tiled.
    func run(_ latents: Tensor, tiled: Bool, emit: (Frame) throws -> Void) throws {
        // The decoder stays; what it has seen does not.
        defer { decoder.reset() }
        try recordInput(latents)
        let patch = decoder.config.patchSize
        let scale = decoder.config.scaleFactorSpatial
        let record = dump.map {
            DecodedFrames($0, patch: patch, height: latents.shape[2] * scale, width: latents.shape[3] * scale)
        }
        let tiling = TiledDecoder(decoder: decoder, backend: backend) { x, tile, index in
            guard try finite.passes(x) else { throw try failure(tile, chunk: index) }
        }
        if tiled, TiledDecoder.isNeeded(height: latents.shape[2], width: latents.shape[3], scale: scale) {
            let clip = Clip(height: latents.shape[2] * scale, width: latents.shape[3] * scale)
            try tiling.run(latents, progress: progress) { part, place in
                clip.put(
                    try pixels(part).frame(), row: place.row * patch, column: place.column * patch, frame: place.frame)
                try record?.put(part, place, from: backend)
            }
            for frame in clip.frames { try emit(frame) }
        } else {
            try stream(latents, record, emit)
        }
        record?.finish()
    }

    /// Each frame is given while the backend computes the next.
    private func stream(_ latents: Tensor, _ record: DecodedFrames?, _ emit: (Frame) throws -> Void) throws {
        var count = 0
        var last: PendingFrame?
        func give(_ frame: PendingFrame, chunk: Int) throws {
            guard try frame.isFinite() else { throw try failure(latents, chunk: chunk) }
            try emit(frame.frame())
        }
        try progress.begin(.decode, total: latents.shape[1])
        for index in 0..<latents.shape[1] {
            try decoder.decode(latents, frame: index, probe: probe(chunk: index)) { x in
                let next = try pixels(x)
                try record?.put(x, TiledDecoder.Place(frame: count, row: 0, column: 0), from: backend)
                count += 1
                if let last { try give(last, chunk: index) }
                last = next
            }
            try progress.advance()
        }
        if let last { try give(last, chunk: latents.shape[1] - 1) }
    }

    /// Decodes once more and says in which block the numbers went.
    ///
    /// - Parameter chunk: the last that had been decoded by then.
    private func failure(_ latents: Tensor, chunk: Int) throws -> VideoError {
        let search = try finite.search()
        decoder.reset()
        for index in 0...chunk {
            try decoder.decode(latents, frame: index, probe: search.look) { try search.look("the head", $0) }
            guard search.part == nil else {
                return finite.failure(.decode, "latent frame \(index + 1) of \(latents.shape[1])", part: search.part)
            }
        }
        return finite.failure(.decode, "latent frame \(chunk + 1) of \(latents.shape[1])", part: nil)
    }

    /// x f32 `[1, height, width, out_channels]`, before clamping and unpatching.
    private func pixels(_ x: Tensor) throws(ComputeError) -> PendingFrame {
        let patch = decoder.config.patchSize
        let (height, width) = (x.shape[1] * patch, x.shape[2] * patch)
        let pixels = try backend.allocate([1, height, width, 3], .u8)
        try backend.pixels(x, patch: patch, into: pixels)
        return PendingFrame(
            width: width, height: height, pixels: try backend.startDownload(pixels), answer: try finite.start(x))
    }

    /// Blocks are recorded for the first two chunks: the second is the first with a history.
    private func probe(chunk: Int) -> Probe? {
        chunk < 2 ? dump?.probe("vae.chunk.\(chunk)", on: backend) : nil
    }

    private func recordInput(_ latents: Tensor) throws {
        guard let dump else { return }
        let config = decoder.config
        let plane = latents.count / config.zDim
        let values = try backend.download(latents).enumerated().map { index, value in
            value * config.latentsStd[index / plane] + config.latentsMean[index / plane]
        }
        dump.record("vae.decode_in", [1] + latents.shape.dims, values)
    }
}

/// A frame on its way from the backend.
private struct PendingFrame {
    let width: Int
    let height: Int
    let pixels: any PendingBytes
    let answer: FiniteCheck.Answer

    func isFinite() throws(ComputeError) -> Bool { try answer.isFinite() }

    func frame() throws(ComputeError) -> Frame { Frame(width: width, height: height, pixels: try pixels.bytes()) }
}

/// The frames of a clip while their tiles arrive, in 8 bits.
private final class Clip {
    private let height: Int
    private let width: Int
    private var pixels: [[UInt8]] = []

    init(height: Int, width: Int) {
        self.height = height
        self.width = width
    }

    var frames: [Frame] { pixels.map { Frame(width: width, height: height, pixels: $0) } }

    func put(_ part: Frame, row: Int, column: Int, frame: Int) {
        while pixels.count <= frame { pixels.append([UInt8](repeating: 0, count: height * width * 3)) }
        for y in 0..<part.height {
            let source = y * part.width * 3
            let target = ((row + y) * width + column) * 3
            pixels[frame].replaceSubrange(
                target..<target + part.width * 3, with: part.pixels[source..<source + part.width * 3])
        }
    }
}
