/// How numbers of 8 bits and fewer are stored, in the word of the file's format.
///
/// GGML's types are blocks of neighbours in a row with scales of their own; the others take one byte a number, and the
/// scales, if any, lie elsewhere.
package enum Quantisation: String, Hashable, Sendable, CaseIterable {
    case q4_0 = "Q4_0"
    case q4_1 = "Q4_1"
    case q5_0 = "Q5_0"
    case q5_1 = "Q5_1"
    case q8_0 = "Q8_0"
    case q2K = "Q2_K"
    case q3K = "Q3_K"
    case q4K = "Q4_K"
    case q5K = "Q5_K"
    case q6K = "Q6_K"
    case iq4NL = "IQ4_NL"
    case iq4XS = "IQ4_XS"
    case e4m3 = "F8_E4M3"
    case e5m2 = "F8_E5M2"
    case int8 = "I8"

    /// Numbers of a block.
    package var blockCount: Int {
        switch self {
        case .q4_0, .q4_1, .q5_0, .q5_1, .q8_0, .iq4NL: 32
        case .q2K, .q3K, .q4K, .q5K, .q6K, .iq4XS: 256
        case .e4m3, .e5m2, .int8: 1
        }
    }

    /// Bytes of a block.
    package var blockBytes: Int {
        switch self {
        case .q4_0, .iq4NL: 18
        case .q4_1: 20
        case .q5_0: 22
        case .q5_1: 24
        case .q8_0: 34
        case .q2K: 84
        case .q3K: 110
        case .q4K: 144
        case .q5K: 176
        case .q6K: 210
        case .iq4XS: 136
        case .e4m3, .e5m2, .int8: 1
        }
    }
}

/// Factors that belong to a stored matrix of one byte a number.
package struct WeightScales: Sendable {
    /// What one of them is for.
    package enum Extent: Hashable, Sendable {
        /// The whole matrix.
        case matrix
        /// A row.
        case row
        /// A square of so many rows and columns, smaller ones at the edges.
        case tile(Int)
    }

    /// f32, aligned, row-major.
    package let values: HostBytes
    package let extent: Extent
    /// Rows of the first tiles that are above the matrix, where it was cut out of a larger one.
    package let rowsAbove: Int

    package init(_ values: HostBytes, per extent: Extent, rowsAbove: Int = 0) {
        self.values = values
        self.extent = extent
        self.rowsAbove = rowsAbove
    }

    /// Those of a part of the rows of a matrix.
    package func cut(to range: Range<Int>, columns: Int) -> WeightScales {
        switch extent {
        case .matrix: return self
        case .row: return WeightScales(values[4 * range.lowerBound..<4 * range.upperBound], per: extent)
        case .tile(let side):
            let (first, end) = (rowsAbove + range.lowerBound, rowsAbove + range.upperBound)
            let tiles = first / side..<(end + side - 1) / side
            let row = 4 * Self.count(per: extent, rows: side, columns: columns)
            return WeightScales(
                values[tiles.lowerBound * row..<tiles.upperBound * row], per: extent, rowsAbove: first % side)
        }
    }

    /// Rows and columns that one is for, of a matrix of this size.
    package func span(rows: Int, columns: Int) -> (rows: Int, columns: Int) {
        switch extent {
        case .matrix: (max(rows, 1), max(columns, 1))
        case .row: (1, max(columns, 1))
        case .tile(let side): (side, side)
        }
    }

    /// How many a matrix of this size has.
    package static func count(per extent: Extent, rows: Int, columns: Int) -> Int {
        switch extent {
        case .matrix: 1
        case .row: rows
        case .tile(let side): (rows + side - 1) / side * ((columns + side - 1) / side)
        }
    }
}
