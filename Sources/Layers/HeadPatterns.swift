import Compute

/// What heads of a full attention are left with: near frames and the first one, or near places of all frames.
///
/// Sparse VideoGen (arXiv:2502.01776), in blocks of rows as they lie: nothing is sorted for it. Rows of a text come
/// first; they attend to everything, and everything to them.
package struct HeadPatterns: Sendable {
    package enum Kind: Hashable, Sendable, CaseIterable {
        case frames
        case places
    }

    package let rows: Int
    /// For each block of queries the blocks of keys that it sees.
    private let lists: [Kind: [[Int]]]

    /// - Parameters:
    ///   - text: rows of a text.
    ///   - frame: rows of one latent frame.
    ///   - kept: the part of all pairs of blocks that a pattern has at most, where the nearest rows are not more.
    package init(text: Int, frame: Int, frames: Int, kept: Double) {
        let rows = text + frame * frames
        self.rows = rows
        let most = Int(kept * Double(Self.queryBlocks(rows) * Self.keyBlocks(rows)))
        let layout = Layout(text: text, frame: frame, frames: frames)
        lists = Dictionary(
            uniqueKeysWithValues: Kind.allCases.map { kind in
                // The largest reach that keeps no more than it may.
                var (fits, tooFar) = (0, (kind == .frames ? rows : frame) + 1)
                while fits + 1 < tooFar {
                    let middle = (fits + tooFar) / 2
                    let count = layout.lists(kind, reach: middle).reduce(0) { $0 + $1.count }
                    if count <= most { fits = middle } else { tooFar = middle }
                }
                return (kind, layout.lists(kind, reach: fits))
            })
    }

    package subscript(_ kind: Kind) -> [[Int]] { lists[kind] ?? [] }

    /// Pairs of a query and a key that a head with this pattern meets, those of whole blocks.
    package func pairs(_ kind: Kind) -> Int {
        self[kind].reduce(0) { $0 + $1.count } * BlockList.queries * BlockList.keys
    }

    /// Whether one of them leaves nothing out: then it is full attention.
    package var isFull: Bool {
        let all = Self.queryBlocks(rows) * Self.keyBlocks(rows)
        return Kind.allCases.contains { kind in self[kind].reduce(0) { $0 + $1.count } == all }
    }

    package static func queryBlocks(_ rows: Int) -> Int { (rows + BlockList.queries - 1) / BlockList.queries }
    package static func keyBlocks(_ rows: Int) -> Int { (rows + BlockList.keys - 1) / BlockList.keys }

    /// Where the rows of text and frames lie.
    private struct Layout {
        let text: Int
        let frame: Int
        let frames: Int

        var rows: Int { text + frame * frames }

        func lists(_ kind: Kind, reach: Int) -> [[Int]] {
            (0..<HeadPatterns.queryBlocks(rows)).map { block in
                let first = block * BlockList.queries
                let queries = first..<min(first + BlockList.queries, rows)
                guard first >= text else { return Array(0..<HeadPatterns.keyBlocks(rows)) }
                var isSeen = [Bool](repeating: false, count: HeadPatterns.keyBlocks(rows))
                for keys in [0..<text] + (kind == .frames ? near(queries, reach) : places(queries, reach))
                where !keys.isEmpty {
                    for block in keys.lowerBound / BlockList.keys...(keys.upperBound - 1) / BlockList.keys {
                        isSeen[block] = true
                    }
                }
                return isSeen.indices.filter { isSeen[$0] }
            }
        }

        private func near(_ queries: Range<Int>, _ reach: Int) -> [Range<Int>] {
            [
                text..<text + frame,
                max(queries.lowerBound - reach, text)..<min(queries.upperBound + reach, rows),
            ]
        }

        /// Queries of several frames are taken frame by frame.
        private func places(_ queries: Range<Int>, _ reach: Int) -> [Range<Int>] {
            let numbers = (queries.lowerBound - text) / frame...(queries.upperBound - 1 - text) / frame
            return numbers.flatMap { number in
                let start = text + number * frame
                let first = max(queries.lowerBound - start - reach, 0)
                let end = min(queries.upperBound - start + reach, frame)
                return (0..<frames).map { text + $0 * frame + first..<text + $0 * frame + end }
            }
        }
    }
}
