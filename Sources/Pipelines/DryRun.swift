import Compute
import Layers
import Models
import VideoTypes
import Weights

/// The networks of a model's clip on a backend that only counts, built of weights that nobody has.
///
/// What is alike at every step is run once.
struct DryRun<Model> {
    let model: Model
    let settings: VideoSettings
    let device: Device
    private let backend = CountingBackend()

    init(_ model: Model, _ settings: VideoSettings, on profile: DeviceProfile) {
        self.model = model
        self.settings = settings
        device = Device(backend: backend, dtype: profile.dtype)
    }

    /// What `body` gives, and the floating-point operations that it asks for.
    func counted<Result>(_ body: () throws -> Result) -> (result: Result, flops: Double) {
        let before = backend.flops
        do {
            let result = try body()
            return (result, backend.flops - before)
        } catch {
            preconditionFailure("what only counts refuses nothing: \(error)")
        }
    }

    func flops(of body: () throws -> Void) -> Double { counted(body).flops }

    func allocate(_ shape: Shape) -> Tensor { backend.allocate(shape, .f32) }

    /// So many words of each text.
    func read(_ texts: [Int], _ config: T5Config) throws {
        let encoder = try T5Encoder(.imagined, config, on: device)
        for words in texts { _ = try encoder([Int32](repeating: 0, count: words)) }
    }

    /// All frames of latents, in tiles where they are needed.
    func flops(decoding latents: Shape, by make: () throws -> any LatentDecoder) -> Double {
        let decoder = counted(make).result
        let tiling = decoder.geometry.tiling
        let (height, width) = (latents[2], latents[3])
        guard settings.tilesVAE, tiling.isNeeded(height: height, width: width) else { return clip(latents, decoder) }
        var counts: [Shape: Int] = [:]
        for rows in tiling.rows.ranges(height) {
            for columns in tiling.columns.ranges(width) {
                counts[[latents[0], latents[1], rows.count, columns.count], default: 0] += 1
            }
        }
        return counts.reduce(0) { $0 + Double($1.value) * clip($1.key, decoder) }
    }

    private func clip(_ latents: Shape, _ decoder: any LatentDecoder) -> Double {
        flops(of: {
            decoder.reset()
            let all = allocate(latents)
            for chunk in decoder.chunks(latents) {
                try decoder.decode(all, chunk: chunk, probe: nil) { _ in }
            }
        })
    }
}

extension FactorizedAttention.Step {
    /// Floating-point operations of a pass beyond those with full attention: fewer, where it is negative.
    func flops(beyondFullOf rows: Int, layers: Int, width: Int) -> Double {
        (0..<layers).reduce(0) { sum, index in
            guard let layer = layer(index, of: layers) else { return sum }
            let pairs = Double(layer.pairs) - Double(rows) * Double(rows)
            return sum + CountingBackend.attention(pairs: pairs, width: width)
        }
    }
}
