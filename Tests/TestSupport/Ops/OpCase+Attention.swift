import Compute
import Glibc

extension OpCase {
    struct AttentionSize: Sendable {
        var queries: Int
        var keys: Int
        var heads: Int
        var headDim: Int
        var groups = TokenGroups.all
        var bias = Bias.none
    }

    enum Bias: String {
        case none, head, key
        /// Of the last key alone.
        case last
        /// With keys that are left out, and for `headMasked` a query without any key.
        case headMasked, keyMasked
        /// No key is left.
        case keyNone
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
            // Few keys a group, in tiles of every size, and the first number that is not few.
            AttentionSize(queries: 180, keys: 180, heads: 6, headDim: 32, groups: .strided(stride: 36)),
            AttentionSize(queries: 147, keys: 147, heads: 3, headDim: 20, groups: .strided(stride: 7)),
            AttentionSize(queries: 91, keys: 91, heads: 2, headDim: 128, groups: .consecutive(length: 13)),
            AttentionSize(queries: 128, keys: 128, heads: 2, headDim: 24, groups: .strided(stride: 2)),
            AttentionSize(queries: 130, keys: 130, heads: 1, headDim: 36, groups: .strided(stride: 2)),
            AttentionSize(queries: 210, keys: 10, heads: 2, headDim: 48, bias: .headMasked),
            AttentionSize(queries: 7, keys: 31, heads: 2, headDim: 16, bias: .keyNone),
            AttentionSize(queries: 19, keys: 19, heads: 4, headDim: 16, bias: .head),
            AttentionSize(queries: 11, keys: 23, heads: 2, headDim: 64, bias: .key),
            AttentionSize(queries: 13, keys: 21, heads: 2, headDim: 32, bias: .last),
        ]
        return sizes.flatMap { [attentionCase($0, .f32), attentionCase($0, .bf16)] }
            + tiledAttention.map { attentionCase($0, .bf16) } + listedAttention
    }

    /// Lists of blocks, other ones for each head, some of them empty; rows that fill their blocks and ones that do not.
    private static var listedAttention: [OpCase] {
        let sizes = [
            AttentionSize(queries: 300, keys: 330, heads: 3, headDim: 64),
            AttentionSize(queries: 256, keys: 256, heads: 2, headDim: 128),
            AttentionSize(queries: 40, keys: 500, heads: 2, headDim: 20),
            AttentionSize(queries: 450, keys: 70, heads: 1, headDim: 40),
        ]
        return sizes.flatMap(listedCases)
    }

    /// Every length of the last block of keys, and few queries or few behind a whole block.
    package static var listedRemainders: [OpCase] {
        (1...BlockList.keys).flatMap { last in
            let (blocks, rows) = (last % 7, 1 + last % 13)
            return listedCases(
                AttentionSize(
                    queries: last % 3 == 0 ? BlockList.queries + rows : rows, keys: blocks * BlockList.keys + last,
                    heads: 2, headDim: 8 + last % 19))
        }
    }

    private static func listedCases(_ size: AttentionSize) -> [OpCase] {
        [DType.f32, .bf16].map { dtype in
            OpCase(
                "attention \(size.queries) × \(size.keys), \(size.heads) heads of \(size.headDim), lists, \(dtype)",
                dtype == .f32 ? 2e-5 : 1e-2
            ) { try listedAttention($0, size, dtype) }
        }
    }

    private static func listedAttention(
        _ backend: any Backend, _ size: AttentionSize, _ dtype: DType
    ) throws -> OpResult {
        var random = TestRandom(seed: size.queries)
        let keyBlocks = (size.keys + BlockList.keys - 1) / BlockList.keys
        let lists = (0..<size.heads).map { head in
            (0..<(size.queries + BlockList.queries - 1) / BlockList.queries).map { tile in
                // The last block, which may be a part of one, is seen for certain by the first head.
                head == 1 && tile == 0
                    ? [] : (0..<keyBlocks).filter { random.isHeads || head == 0 && $0 == keyBlocks - 1 }
            }
        }
        let width = size.heads * size.headDim
        let scale = 1 / Float(size.headDim).squareRoot()
        let q = Operand([size.queries, width], dtype, scale: 2, seed: 1)
        let k = Operand([size.keys, width], dtype, scale: 2, seed: 2)
        let v = Operand([size.keys, width], dtype, seed: 3)
        let out = try backend.allocate([size.queries, width], dtype)
        try backend.attention(
            q.tensor(on: backend), k.tensor(on: backend), v.tensor(on: backend), heads: size.heads, scale: scale,
            blocks: backend.blockList(lists, queries: size.queries, keys: size.keys), into: out)
        // What is not listed is left out as a bias of -∞ leaves it out.
        var biased = size
        biased.bias = .head
        var hidden = [Double](repeating: -.infinity, count: size.heads * size.queries * size.keys)
        for (head, tiles) in lists.enumerated() {
            for query in 0..<size.queries {
                for key in 0..<size.keys where tiles[query / BlockList.queries].contains(key / BlockList.keys) {
                    hidden[(head * size.queries + query) * size.keys + key] = 0
                }
            }
        }
        return OpResult(
            try backend.download(out),
            from: attention(q.doubles, k.doubles, v.doubles, Double(scale), hidden, [], biased))
    }

    /// Biases inside groups, which no model asks for and only the processor has.
    package static var groupedBiases: [OpCase] {
        let sizes = [
            AttentionSize(queries: 42, keys: 42, heads: 2, headDim: 40, groups: .strided(stride: 3), bias: .key),
            AttentionSize(queries: 50, keys: 50, heads: 3, headDim: 32, groups: .strided(stride: 5), bias: .head),
            // Groups that share the vectors of their softmax.
            AttentionSize(queries: 35, keys: 35, heads: 3, headDim: 32, groups: .strided(stride: 7), bias: .head),
            AttentionSize(queries: 36, keys: 36, heads: 2, headDim: 64, groups: .consecutive(length: 6), bias: .key),
        ]
        return sizes.flatMap { [attentionCase($0, .f32), attentionCase($0, .bf16)] }
    }

    /// Blocks of queries that are cut once more, several blocks of keys, heads deeper than one part, groups of few.
    package static var blockedAttention: [OpCase] {
        let sizes = [
            AttentionSize(queries: 200, keys: 300, heads: 4, headDim: 12, bias: .head),
            AttentionSize(queries: 100, keys: 66, heads: 8, headDim: 260, bias: .key),
            // Groups of known tiles, whole vectors or not.
            AttentionSize(queries: 28, keys: 28, heads: 3, headDim: 32, groups: .strided(stride: 7)),
            AttentionSize(queries: 35, keys: 35, heads: 3, headDim: 24, groups: .strided(stride: 7)),
            AttentionSize(queries: 42, keys: 42, heads: 5, headDim: 128, groups: .strided(stride: 7)),
        ]
        return sizes.flatMap { [attentionCase($0, .f32), attentionCase($0, .bf16)] }
    }

    /// Lengths around the tiles of kernels for matrix units (128 queries, 32 or 64 keys), groups that share a tile and
    /// groups that need several.
    private static var tiledAttention: [AttentionSize] {
        [
            AttentionSize(queries: 128, keys: 64, heads: 1, headDim: 128),
            AttentionSize(queries: 129, keys: 65, heads: 2, headDim: 64),
            AttentionSize(queries: 127, keys: 63, heads: 2, headDim: 40),
            AttentionSize(queries: 260, keys: 130, heads: 1, headDim: 32),
            AttentionSize(queries: 33, keys: 97, heads: 3, headDim: 88),
            AttentionSize(queries: 5, keys: 513, heads: 2, headDim: 128),
            AttentionSize(queries: 1, keys: 129, heads: 8, headDim: 64),
            AttentionSize(queries: 120, keys: 120, heads: 2, headDim: 128, groups: .strided(stride: 40)),
            AttentionSize(queries: 126, keys: 126, heads: 2, headDim: 64, groups: .strided(stride: 6)),
            AttentionSize(queries: 160, keys: 160, heads: 2, headDim: 32, groups: .consecutive(length: 32)),
            AttentionSize(queries: 165, keys: 165, heads: 2, headDim: 40, groups: .consecutive(length: 33)),
            AttentionSize(queries: 260, keys: 260, heads: 1, headDim: 72, groups: .consecutive(length: 130)),
            AttentionSize(queries: 134, keys: 134, heads: 2, headDim: 64, groups: .strided(stride: 2)),
            AttentionSize(queries: 140, keys: 77, heads: 1, headDim: 128, bias: .key),
            // Blocks of 128 and 176 keys: the last one alone in its block, or the block's last.
            AttentionSize(queries: 131, keys: 129, heads: 2, headDim: 64, bias: .last),
            AttentionSize(queries: 200, keys: 256, heads: 1, headDim: 40, bias: .last),
            AttentionSize(queries: 130, keys: 352, heads: 1, headDim: 128, bias: .last),
            AttentionSize(queries: 140, keys: 300, heads: 2, headDim: 96, bias: .last),
            AttentionSize(queries: 70, keys: 200, heads: 2, headDim: 64, bias: .keyMasked),
            AttentionSize(queries: 130, keys: 40, heads: 2, headDim: 32, bias: .keyNone),
            AttentionSize(queries: 131, keys: 131, heads: 2, headDim: 64, bias: .head),
            AttentionSize(queries: 66, keys: 70, heads: 3, headDim: 128, bias: .headMasked),
        ]
    }

    static func attentionCase(_ size: AttentionSize, _ dtype: DType) -> OpCase {
        OpCase(
            "attention \(size.queries) × \(size.keys), \(size.heads) heads of \(size.headDim), \(size.groups), "
                + "bias \(size.bias), \(dtype)", dtype == .f32 ? 2e-5 : 1e-2
        ) { try attention($0, size, dtype) }
    }

    private static func headBias(_ size: AttentionSize) -> Operand {
        let all = Operand([size.heads, size.queries, size.keys], seed: 4)
        guard size.bias == .headMasked else { return all }
        let values = all.values.enumerated().map { i, value in
            i % 3 == 0 || i / size.keys % size.queries == size.queries / 2 ? -Float.infinity : value
        }
        return Operand(values, all.shape)
    }

    private static func keyBias(_ size: AttentionSize) -> Operand {
        let all = Operand([size.keys], seed: 5)
        switch size.bias {
        case .keyMasked:
            // The first tile of keys and a part of the others.
            return Operand(all.values.enumerated().map { $0 < 64 || $0 % 3 == 0 ? -.infinity : $1 }, all.shape)
        case .keyNone: return Operand(all.values.map { _ in -.infinity }, all.shape)
        case .last: return Operand(all.values.indices.map { $0 == size.keys - 1 ? 4.5 : 0 }, all.shape)
        default: return all
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
        let (headBias, keyBias) = (headBias(size), keyBias(size))
        let bias: AttentionBias? =
            switch size.bias {
            case .head, .headMasked: .perHead(try headBias.tensor(on: backend))
            case .key, .keyMasked, .keyNone: .perKey(try keyBias.tensor(on: backend))
            case .last: .lastKey(try keyBias.tensor(on: backend))
            case .none: nil
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
                    return switch size.bias {
                    case .head, .headMasked: sum + headBias[(head * size.queries + query) * size.keys + key]
                    case .key, .keyMasked, .keyNone, .last: sum + keyBias[key]
                    case .none: sum
                    }
                }
                let most = logits.max() ?? 0
                // 0 where no key is left.
                let shares = logits.map { $0 == -.infinity ? 0 : exp($0 - most) }
                let total = shares.reduce(0, +)
                let seen = shares.indices.filter { shares[$0] > 0 }
                for i in 0..<size.headDim {
                    let sum = seen.reduce(0) { $0 + shares[$1] * v[$1 * width + start + i] }
                    expected.append(total > 0 ? sum / total : 0)
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
