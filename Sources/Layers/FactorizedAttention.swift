package import Compute

/// Attention of a network that was made for full attention, each of its heads left with one of two patterns.
///
/// Sparse VideoGen (arXiv:2502.01776): which pattern is a head's is found at every step, by how well each reproduces
/// what a sample of its queries gets from all keys. Lossy. Needs the numbers of the sample on the host, so that it
/// cannot be recorded.
package struct FactorizedAttention: Sendable {
    package let patterns: HeadPatterns

    /// The part of all pairs that is kept: such that a step of Wan's 1.3B at 32,760 tokens has half of its operations.
    package static let kept = 0.2
    /// The first steps, and the first layers of every step, decide most and stay full: this part of all.
    private static let fullSteps = 0.2
    private static let fullLayers = 0.03
    /// Blocks of queries that are a sample.
    private static let sampledBlocks = 4

    package init(_ patterns: HeadPatterns) {
        self.patterns = patterns
    }

    /// One step of a clip.
    package struct Step: Sendable {
        fileprivate let attention: FactorizedAttention
        fileprivate let index: Int

        /// Nil for a layer that stays full.
        package func layer(_ layer: Int, of count: Int) -> Layer? {
            FactorizedAttention.isFull(layer: layer, of: count)
                ? nil : Layer(attention: attention, step: index, layer: layer)
        }
    }

    /// One layer at one step.
    package struct Layer: Sendable {
        fileprivate let attention: FactorizedAttention
        fileprivate let step: Int
        fileprivate let layer: Int
    }

    /// Nil for a step that stays full, and for clips so small that nothing would be left out.
    package func step(_ index: Int, of count: Int) -> Step? {
        Double(index) < Self.fullSteps * Double(count) || patterns.isFull ? nil : Step(attention: self, index: index)
    }

    package static func isFull(layer: Int, of count: Int) -> Bool { Double(layer) < fullLayers * Double(count) }

    package static let mostSampleRows = sampledBlocks * BlockList.queries

    private var wholeBlocks: Int { patterns.rows / BlockList.queries }

    /// Blocks spread over the clip, other ones at every step and layer, always the same ones for a clip.
    fileprivate func sample(step: Int, layer: Int) -> [Int] {
        let count = min(Self.sampledBlocks, wholeBlocks)
        return (0..<count).map { index in
            let (first, end) = (index * wholeBlocks / count, (index + 1) * wholeBlocks / count)
            var mixed = UInt64((step * 1009 + layer) * 31 + index) &* 0x9E37_79B9_7F4A_7C15
            mixed ^= mixed >> 29
            return first + Int(mixed % UInt64(end - first))
        }
    }
}

extension FactorizedAttention.Layer {
    /// Pairs of a query and a key that are met, the sample's included, where every head has the pattern of frames.
    package var pairs: Int {
        let (patterns, sample) = (attention.patterns, attention.sample(step: step, layer: layer))
        let blocks = HeadPatterns.Kind.allCases.reduce(0) { sum, kind in
            sum + sample.reduce(0) { $0 + patterns[kind][$1].count }
        }
        return sample.count * BlockList.queries * patterns.rows + blocks * BlockList.queries * BlockList.keys
            + patterns.pairs(.frames)
    }

    /// The same as the backend's attention of all tokens, of rows whose order is that of the patterns; out is not q.
    package func callAsFunction(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, on backend: any Backend, into out: Tensor
    ) throws(ComputeError) {
        let patterns = attention.patterns
        let rows = patterns.rows
        let kinds = try kinds(q, k, v, heads: heads, scale: scale, on: backend, room: out)
        let lists = try backend.blockList(kinds.map { patterns[$0] }, queries: rows, keys: rows)
        try backend.attention(q, k, v, heads: heads, scale: scale, blocks: lists, into: out)
    }

    /// Which pattern comes nearer to the full attention of a sample of each head's queries.
    ///
    /// - Parameter room: as q, not q; what it holds is lost. Memory of sizes that nothing else asks for would be made
    ///   of what is kept for others, which then would have to be cleared.
    package func kinds(
        _ q: Tensor, _ k: Tensor, _ v: Tensor, heads: Int, scale: Float, on backend: any Backend, room: Tensor
    ) throws(ComputeError) -> [HeadPatterns.Kind] {
        let blocks = attention.sample(step: step, layer: layer)
        let (width, size) = (q.shape.last, BlockList.queries)
        let rows = blocks.count * size
        let isRoom = 2 * rows <= attention.patterns.rows
        let room = isRoom ? room : try backend.allocate([2 * rows, width], q.dtype)
        let (queries, attended) = (room[0..<rows], room[rows..<2 * rows])
        for (place, block) in blocks.enumerated() {
            try backend.copy(
                q[block * size..<(block + 1) * size], into: queries[place * size..<(place + 1) * size])
        }
        try backend.attention(queries, k, v, heads: heads, scale: scale, groups: .all, bias: nil, into: attended)
        let all = try backend.download(attended)
        var errors: [[Double]] = []
        for kind in HeadPatterns.Kind.allCases {
            let own = blocks.map { attention.patterns[kind][$0] }
            let lists = try backend.blockList(
                [[[Int]]](repeating: own, count: heads), queries: queries.shape[0], keys: attention.patterns.rows)
            try backend.attention(queries, k, v, heads: heads, scale: scale, blocks: lists, into: attended)
            errors.append(Self.errors(try backend.download(attended), all, heads: heads, width: width))
        }
        return (0..<heads).map { head in
            var best = 0
            for kind in errors.indices where errors[kind][head] < errors[best][head] { best = kind }
            return HeadPatterns.Kind.allCases[best]
        }
    }

    /// Squared differences of each head.
    private static func errors(_ found: [Float], _ expected: [Float], heads: Int, width: Int) -> [Double] {
        var errors = [Double](repeating: 0, count: heads)
        let depth = width / heads
        for row in stride(from: 0, to: found.count, by: width) {
            for head in 0..<heads {
                var sum: Float = 0
                for i in row + head * depth..<row + (head + 1) * depth {
                    let difference = found[i] - expected[i]
                    sum += difference * difference
                }
                errors[head] += Double(sum)
            }
        }
        return errors
    }
}
