import Compute

/// Collects decoded frames in float for a dump.
final class DecodedFrames {
    private let dump: TensorDump
    private let geometry: DecoderGeometry
    private let height: Int
    private let width: Int
    private var frames: [[Float]] = []

    /// - Parameter height: in pixels, as the width.
    init(_ dump: TensorDump, _ geometry: DecoderGeometry, height: Int, width: Int) {
        self.dump = dump
        self.geometry = geometry
        self.height = height
        self.width = width
    }

    /// x f32 `[1, height, width, 3 · patch²]`, channel order c, pw, ph.
    func put(_ x: Tensor, _ place: TiledDecoder.Place, from backend: any Backend) throws(ComputeError) {
        while frames.count <= place.frame { frames.append([Float](repeating: 0, count: height * width * 3)) }
        let values = try backend.download(x)
        let patch = geometry.patch
        let channels = 3 * patch * patch
        let bound: Float = geometry.isClamped ? 1 : .infinity
        for y in 0..<x.shape[1] {
            for column in 0..<x.shape[2] {
                for channel in 0..<channels {
                    let (color, pw, ph) = (channel / (patch * patch), channel / patch % patch, channel % patch)
                    let row = (place.row + y) * patch + ph
                    let target = (row * width + (place.column + column) * patch + pw) * 3 + color
                    frames[place.frame][target] = min(
                        bound, max(-bound, values[(y * x.shape[2] + column) * channels + channel]))
                }
            }
        }
    }

    func finish() {
        let plane = height * width
        var planes = [Float](repeating: 0, count: 3 * frames.count * plane)
        for (index, frame) in frames.enumerated() {
            for pixel in 0..<plane {
                for color in 0..<3 { planes[(color * frames.count + index) * plane + pixel] = frame[pixel * 3 + color] }
            }
        }
        dump.record("vae.decode_out", [1, 3, frames.count, height, width], planes)
        let unit = frames.flatMap { $0.map { min(1, max(0, $0 / 2 + 0.5)) } }
        dump.record("frames", [frames.count, height, width, 3], unit)
    }
}
