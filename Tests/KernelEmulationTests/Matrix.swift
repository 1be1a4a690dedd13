/// Small integers without a pattern that a wrong layout could keep.
struct Matrix: Sendable {
    let rows: Int, columns: Int
    let values: [Int]
    let stored: [UInt16], transposed: [UInt16]

    /// Matrices with another `start` have other values.
    init(rows: Int, columns: Int, start: Int = 0) {
        (self.rows, self.columns) = (rows, columns)
        let values = (start..<start + rows * columns).map { $0 * $0 % 37 % 3 - 1 }
        self.values = values
        stored = values.map(bf16)
        transposed = (0..<columns).flatMap { column in (0..<rows).map { bf16(values[$0 * columns + column]) } }
    }

    /// Computes self · otherᵀ.
    func times(_ other: Matrix) -> [Int] {
        (0..<rows).flatMap { row in
            (0..<other.rows).map { column in
                (0..<columns).reduce(0) { $0 + values[row * columns + $1] * other.values[column * columns + $1] }
            }
        }
    }
}
