import Compute
import Models
import VideoTypes

/// Latents to frames, chunk by chunk.
struct DecodeStage {
    let decoder: any LatentDecoder
    let backend: any Backend
    let finite: FiniteCheck
    let progress: ProgressReporter
    let dump: TensorDump?

    /// Gives the frames in order: as they are decoded, or after the last tile where the decoding is tiled.
    func run(_ latents: Tensor, tiled: Bool, emit: (Frame) throws -> Void) throws {
        // The decoder stays; what it has seen does not.
        defer { decoder.reset() }
        try recordInput(latents)
        let geometry = decoder.geometry
        let (rows, columns) = (latents.shape[2], latents.shape[3])
        let (height, width) = (rows * geometry.scale, columns * geometry.scale)
        let record = dump.map { DecodedFrames($0, geometry, height: height, width: width) }
        if tiled, geometry.tiling.isNeeded(height: rows, width: columns) {
            let clip = Clip(height: height, width: width)
            let tiling = TiledDecoder(decoder: decoder, backend: backend) { x, tile, chunk in
                guard try finite.passes(x) else { throw try failure(tile, chunk: chunk) }
            }
            try tiling.run(latents, progress: progress) { part, place in
                clip.put(
                    try pixels(part).frame(), row: place.row * geometry.patch, column: place.column * geometry.patch,
                    frame: place.frame)
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
        let chunks = decoder.chunks(latents.shape)
        try progress.begin(.decode, total: chunks.count)
        for (index, chunk) in chunks.enumerated() {
            try decoder.decode(latents, chunk: chunk, probe: probe(chunk: index)) { x in
                let next = try pixels(x)
                try record?.put(x, TiledDecoder.Place(frame: count, row: 0, column: 0), from: backend)
                count += 1
                if let last { try give(last, chunk: index) }
                last = next
            }
            try progress.advance()
        }
        if let last { try give(last, chunk: chunks.count - 1) }
    }

    /// Decodes once more and says in which block the numbers went.
    ///
    /// - Parameter chunk: the last that had been decoded by then.
    private func failure(_ latents: Tensor, chunk: Int) throws -> VideoError {
        let search = try finite.search()
        let chunks = decoder.chunks(latents.shape)
        func place(_ chunk: Int) -> String {
            let (first, last) = (chunks[chunk].lowerBound + 1, chunks[chunk].upperBound)
            let frames = first == last ? "latent frame \(first)" : "latent frames \(first) to \(last)"
            return "\(frames) of \(chunks[chunks.count - 1].upperBound)"
        }
        decoder.reset()
        for index in 0...chunk {
            try decoder.decode(latents, chunk: chunks[index], probe: search.look) { try search.look("the head", $0) }
            if let part = search.part { return finite.failure(.decode, place(index), part: part) }
        }
        return finite.failure(.decode, place(chunk), part: nil)
    }

    /// x f32 `[1, height, width, out_channels]`, before clamping and unpatching.
    private func pixels(_ x: Tensor) throws(ComputeError) -> PendingFrame {
        let patch = decoder.geometry.patch
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
        let (values, shape) = decoder.decoded(try backend.download(latents), latents.shape)
        dump.record("vae.decode_in", [1] + shape, values)
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
