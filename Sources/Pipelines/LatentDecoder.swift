import Compute
import Models

/// A network that makes frames of latents, chunk by chunk and in order.
protocol LatentDecoder: AnyObject {
    var geometry: DecoderGeometry { get }

    /// The latent frames that are decoded at once, one range after the other.
    ///
    /// - Parameter latents: the family's shape, of height and width in its last two dimensions.
    func chunks(_ latents: Shape) -> [Range<Int>]

    /// Decodes one chunk behind those before it.
    ///
    /// Gives its frames in order, each as f32 `[1, height, width, 3 · patch²]` before clamping and unpatching.
    func decode(
        _ latents: Tensor, chunk: Range<Int>, probe: Probe?, emit: (Tensor) throws -> Void
    ) throws

    /// Forgets the clip decoded so far.
    func reset()

    /// Latents as the reference hands them to its decoder, for a dump.
    func decoded(_ values: [Float], _ latents: Shape) -> (values: [Float], shape: [Int])
}

/// What is known of a decoder's frames.
struct DecoderGeometry {
    /// Pixels along the side of a latent position.
    let scale: Int
    /// Pixels along the side of a decoded position; channels are ordered c, pw, ph.
    let patch: Int
    /// Whether the reference's decoder keeps to ±1 by itself.
    let isClamped: Bool
    let tiling: Tiling
}

/// How frames that are too large to be decoded at once are cut.
struct Tiling {
    let rows: Axis
    let columns: Axis

    /// The tiles along one side of the frame.
    struct Axis {
        /// Latent positions of a tile.
        let tile: Int
        /// Latent positions from one tile to the next.
        let stride: Int
        /// Decoded positions that a tile adds to the frame at most.
        let kept: Int
        /// Decoded positions that it shares with the tile before.
        let blend: Int

        func ranges(_ extent: Int) -> [Range<Int>] {
            Swift.stride(from: 0, to: extent, by: stride).map { $0..<min($0 + tile, extent) }
        }
    }

    /// Whether latents of this size are larger than one tile.
    func isNeeded(height: Int, width: Int) -> Bool { height > rows.tile || width > columns.tile }
}
