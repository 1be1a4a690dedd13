/// How rows share the vectors of a `[groups, width]` array: the first rows have the first vector, and so on.
package enum RowRuns: Hashable, Sendable {
    /// As many rows for each.
    case even
    /// So many rows for each.
    case lengths([Int])

    /// Rows that have the vectors of one index.
    package struct Part {
        package let rows: Range<Int>
        package let index: Int
    }

    /// The runs of `rows` rows that share the given vectors, each of which is `[width]` or `[groups, width]`.
    package func parts(rows: Int, width: Int, _ vectors: [Tensor?]) -> [Part] {
        let groups = vectors.compactMap { $0.map { $0.count / max(width, 1) } }.max() ?? 1
        guard groups > 1 else { return [Part(rows: 0..<rows, index: 0)] }
        for case let vector? in vectors {
            precondition(
                vector.count == width || vector.count == groups * width,
                "\(vector.shape) for \(groups) runs of \(width)")
        }
        let lengths: [Int]
        switch self {
        case .even:
            precondition(rows % groups == 0, "\(rows) rows in \(groups) even runs")
            lengths = [Int](repeating: rows / groups, count: groups)
        case .lengths(let given):
            precondition(
                given.count == groups && given.reduce(0, +) == rows && given.allSatisfy { $0 >= 0 },
                "runs \(given) of \(rows) rows with \(groups) vectors")
            lengths = given
        }
        var first = 0
        return lengths.enumerated().map { index, length in
            defer { first += length }
            return Part(rows: first..<first + length, index: index)
        }
    }
}

extension Tensor {
    /// The elements as rows, those in `range`.
    package func rows(_ range: Range<Int>) -> Tensor { reshaped([shape.rows, shape.last])[range] }

    /// Vector `index` of `[groups, width]`; all of `[width]`.
    package func vector(_ index: Int, width: Int) -> Tensor {
        count == width ? self : reshaped([count / width, width])[index]
    }
}

extension Backend {
    /// A product whose gate is one vector for each run of rows, as a product for each run; false where it is one.
    package func linearByRuns(
        _ x: Tensor, _ weight: LinearWeight, bias: Tensor?, _ epilogue: Epilogue, into out: Tensor
    ) throws(ComputeError) -> Bool {
        let width = weight.outFeatures
        guard case .gatedAdd(let gate, let runs) = epilogue, gate.count > width else { return false }
        let (x, out) = (x.reshaped([x.shape.rows, x.shape.last]), out.reshaped([out.count / width, width]))
        for part in runs.parts(rows: out.shape[0], width: width, [gate]) {
            try linear(
                x[part.rows], weight, bias: bias, .gatedAdd(gate: gate.vector(part.index, width: width)),
                into: out[part.rows])
        }
        return true
    }
}
