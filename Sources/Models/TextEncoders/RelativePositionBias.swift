import Compute
import Glibc
import Weights

/// T5's learned bias of attention logits by distance, one number per bucket and head.
struct RelativePositionBias {
    private let table: [Float]
    private let config: T5Config

    init(_ w: WeightScope, _ config: T5Config, on backend: any Backend) throws {
        self.config = config
        let shape = [config.relativeAttentionNumBuckets, config.numHeads]
        table = try backend.download(backend.vector(w.tensor("weight", shape)))
    }

    /// f32 `[heads, length, length]`.
    func callAsFunction(length: Int, on backend: any Backend) throws(ComputeError) -> Tensor {
        try backend.upload([config.numHeads, length, length]) { values(length: length) }
    }

    private func values(length: Int) -> [Float] {
        let heads = config.numHeads
        let buckets = RelativePositionBuckets(
            count: config.relativeAttentionNumBuckets, maxDistance: config.relativeAttentionMaxDistance)
        var bias = [Float](repeating: 0, count: heads * length * length)
        for query in 0..<length {
            for key in 0..<length {
                let row = buckets.bucket(key - query) * heads
                for head in 0..<heads {
                    bias[(head * length + query) * length + key] = table[row + head]
                }
            }
        }
        return bias
    }
}

/// Which row of the table a distance between key and query reads.
///
/// Half of the buckets for each side; of these half for exact distances, half logarithmic up to the maximum (Raffel et
/// al. 2020, in the bidirectional form).
struct RelativePositionBuckets {
    let count: Int
    let maxDistance: Int

    func bucket(_ distance: Int) -> Int {
        let side = count / 2
        let exact = side / 2
        let base = distance > 0 ? side : 0
        let magnitude = abs(distance)
        guard magnitude >= exact else { return base + magnitude }
        let ratio = Float(log(Double(maxDistance) / Double(exact)))
        let log = logf(Float(magnitude) / Float(exact)) / ratio * Float(side - exact)
        return base + min(side - 1, exact + Int(log))
    }
}
