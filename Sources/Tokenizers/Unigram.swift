/// The Unigram model: the segmentation of a text into pieces whose scores have the greatest sum.
struct Unigram: Sendable {
    private let table: PieceTable
    private let scores: [Double]
    private let unknown: Int
    private let unknownScore: Double
    /// The pieces `<0x00>` to `<0xFF>`, with which unknown text is spelt; empty where it is not.
    private let bytePieces: [Int?]

    var count: Int { scores.count }

    init(vocabulary: ScoredPieces, unknown: Int?, byteFallback: Bool) throws(TokenizerError) {
        guard let unknown else { throw .badValue(field: "model.unk_id", reason: "is missing") }
        guard vocabulary.scores.indices.contains(unknown) else {
            throw .badValue(
                field: "model.unk_id", reason: "is \(unknown), but there are \(vocabulary.scores.count) pieces")
        }
        table = PieceTable(bytes: vocabulary.bytes, ends: vocabulary.ends)
        scores = vocabulary.scores
        self.unknown = unknown
        // An unknown character costs ten more than the worst piece, as in SentencePiece.
        unknownScore = scores.reduce(.infinity) { $1 < $0 ? $1 : $0 } - 10
        var bytePieces: [Int?] = []
        if byteFallback {
            for byte in UInt8.min...UInt8.max {
                let hex = String(byte, radix: 16, uppercase: true)
                bytePieces.append(table[Array("<0x\(byte < 16 ? "0" : "")\(hex)>".utf8)])
            }
        }
        self.bytePieces = bytePieces
    }

    /// The number of the piece that is exactly this text.
    func piece(_ text: [UInt8]) -> Int? { table[text] }

    /// Appends the best segmentation of a part of `text`.
    func encode(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
        let steps = bestSteps(text, range)
        // Backwards from the end; neighbouring unknown steps are one token.
        var tokens: [(range: Range<Int>, piece: Int)] = []
        var end = range.upperBound
        var mayJoin = false
        while end > range.lowerBound {
            let step = steps[end - range.lowerBound]
            let start = range.lowerBound + Int(step.start)
            let isUnknown = Int(step.piece) == unknown
            if isUnknown, mayJoin, let last = tokens.popLast() {
                tokens.append((start..<last.range.upperBound, unknown))
            } else {
                tokens.append((start..<end, Int(step.piece)))
            }
            mayJoin = isUnknown
            end = start
        }
        for token in tokens.reversed() {
            if token.piece == unknown {
                appendUnknown(text, token.range, into: &ids)
            } else {
                ids.append(Int32(truncatingIfNeeded: token.piece))
            }
        }
    }

    private struct Step {
        var score = 0.0
        /// Where the step starts; -1 while no path leads here.
        var start: Int32 = -1
        var piece: Int32 = 0
    }

    /// For each position in `range`, the last step of the best path to it.
    private func bestSteps(_ text: [UInt8], _ range: Range<Int>) -> [Step] {
        var steps = [Step](repeating: Step(), count: range.count + 1)
        func offer(_ start: Int, _ end: Int, _ piece: Int, _ score: Double) {
            guard steps[end].start < 0 || score > steps[end].score else { return }
            steps[end] = Step(score: score, start: Int32(start), piece: Int32(piece))
        }
        var start = range.lowerBound
        while start < range.upperBound {
            let from = start - range.lowerBound
            let reached = steps[from].score
            let next = min(start + text.scalar(at: start).width, range.upperBound)
            var hasCharacter = false
            table.forEachPiece(in: text, start..<range.upperBound) { end, piece in
                offer(from, end - range.lowerBound, piece, scores[piece] + reached)
                if end == next { hasCharacter = true }
            }
            if !hasCharacter { offer(from, next - range.lowerBound, unknown, unknownScore + reached) }
            start = next
        }
        return steps
    }

    /// Joined unknown text may be a piece after all; otherwise its bytes, if all have pieces, or the unknown piece.
    private func appendUnknown(_ text: [UInt8], _ range: Range<Int>, into ids: inout [Int32]) {
        if let piece = table.piece(text, range) {
            ids.append(Int32(truncatingIfNeeded: piece))
            return
        }
        if !bytePieces.isEmpty {
            let pieces = text[range].compactMap { bytePieces[Int($0)] }
            if pieces.count == range.count {
                ids.append(contentsOf: pieces.lazy.map { Int32(truncatingIfNeeded: $0) })
                return
            }
        }
        ids.append(Int32(truncatingIfNeeded: unknown))
    }
}

/// Pieces with their scores, in flat arrays.
struct ScoredPieces: Sendable {
    static let pieceLimit = 1 << 24
    static let byteLimit = 1 << 28

    var bytes: [UInt8] = []
    var ends: [Int32] = []
    var scores: [Double] = []

    mutating func append(score: Double) throws(TokenizerError) {
        guard scores.count < Self.pieceLimit, bytes.count <= Self.byteLimit else {
            throw .badValue(field: "vocabulary", reason: "has more than \(Self.pieceLimit) pieces")
        }
        ends.append(Int32(bytes.count))
        scores.append(score)
    }

    mutating func append(_ piece: String, score: Double) throws(TokenizerError) {
        bytes += piece.utf8
        try append(score: score)
    }
}
