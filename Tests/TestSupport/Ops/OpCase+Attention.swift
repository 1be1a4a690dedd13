import Compute
import Glibc

extension OpCase {
    private struct AttentionSize: Sendable {
        var queries: Int
        var keys: Int
        var heads: Int
        var headDim: Int
        var groups = TokenGroups.all
        var bias = "none"
    }

    /// Attention: odd lengths, head sizes of every model, every grouping and bias.
    package static var attention: [OpCase] {
        let sizes = [
            AttentionSize(queries: 1, keys: 1, heads: 1, headDim: 8),
            AttentionSize(queries: 37, keys: 37, heads: 3, headDim: 64),
            AttentionSize(queries: 70, keys: 77, heads: 2, headDim: 128),
            AttentionSize(queries: 20, keys: 33, heads: 1, headDim: 384),
            AttentionSize(queries: 9, keys: 300, heads: 2, headDim: 12),
            AttentionSize(queries: 24, keys: 24, heads: 2, headDim: 16, groups: .consecutive(length: 8)),
            AttentionSize(queries: 35, keys: 35, heads: 2, headDim: 32, groups: .strided(stride: 7)),
            AttentionSize(queries: 40, keys: 40, heads: 1, headDim: 24, groups: .strided(stride: 20)),
            AttentionSize(queries: 19, keys: 19, heads: 4, headDim: 16, bias: "head"),
            AttentionSize(queries: 11, keys: 23, heads: 2, headDim: 64, bias: "key"),
        ]
        return sizes.flatMap { size in
            [DType.f32, .bf16].map { dtype in
                OpCase(
                    "attention \(size.queries) × \(size.keys), \(size.heads) heads of \(size.headDim), \(size.groups), "
                        + "bias \(size.bias), \(dtype)", dtype == .f32 ? 2e-5 : 1e-2
                ) { try attention($0, size, dtype) }
            }
        }
    }

    private static func attention(
        _ backend: any Backend, _ size: AttentionSize, _ dtype: DType
    ) throws -> OpResult {
        let width = size.heads * size.headDim
        let scale = 1 / Float(size.headDim).squareRoot()
        let q = Operand([size.queries, width], dtype, scale: 2, seed: 1)
        let k = Operand([size.keys, width], dtype, scale: 2, seed: 2)
        let v = Operand([size.keys, width], dtype, seed: 3)
        let headBias = Operand([size.heads, size.queries, size.keys], seed: 4)
        let keyBias = Operand([size.keys], seed: 5)
        let bias: AttentionBias? =
            switch size.bias {
            case "head": .perHead(try headBias.tensor(on: backend))
            case "key": .perKey(try keyBias.tensor(on: backend))
            default: nil
            }
        let out = try backend.allocate([size.queries, width], dtype)
        try backend.attention(
            q.tensor(on: backend), k.tensor(on: backend), v.tensor(on: backend), heads: size.heads, scale: scale,
            groups: size.groups, bias: bias, into: out)
        return OpResult(
            try backend.download(out),
            from: attention(
                q.doubles, k.doubles, v.doubles, Double(scale), headBias.doubles, keyBias.doubles, size))
    }

    private static func attention(
        _ q: [Double], _ k: [Double], _ v: [Double], _ scale: Double, _ headBias: [Double], _ keyBias: [Double],
        _ size: AttentionSize
    ) -> [Double] {
        let width = size.heads * size.headDim
        var expected: [Double] = []
        for query in 0..<size.queries {
            for head in 0..<size.heads {
                let start = head * size.headDim
                let logits = (0..<size.keys).map { key -> Double in
                    guard isGroup(query, key, size.groups) else { return -.infinity }
                    var sum = 0.0
                    for i in 0..<size.headDim {
                        sum += q[query * width + start + i] * k[key * width + start + i]
                    }
                    sum *= scale
                    if size.bias == "head" {
                        sum += headBias[(head * size.queries + query) * size.keys + key]
                    }
                    return size.bias == "key" ? sum + keyBias[key] : sum
                }
                let most = logits.max() ?? 0
                let shares = logits.map { exp($0 - most) }
                let total = shares.reduce(0, +)
                for i in 0..<size.headDim {
                    let sum = (0..<size.keys).reduce(0) { $0 + shares[$1] * v[$1 * width + start + i] }
                    expected.append(sum / total)
                }
            }
        }
        return expected
    }

    private static func isGroup(_ query: Int, _ key: Int, _ groups: TokenGroups) -> Bool {
        switch groups {
        case .all: true
        case .consecutive(let length): query / length == key / length
        case .strided(let stride): query % stride == key % stride
        }
    }
}
