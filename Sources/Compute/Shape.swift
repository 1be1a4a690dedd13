/// Dimensions of a tensor, outermost first.
package struct Shape: Sendable, Hashable, ExpressibleByArrayLiteral, CustomStringConvertible {
    package let dims: [Int]

    package init(_ dims: [Int]) {
        self.dims = dims
    }

    package init(arrayLiteral dims: Int...) {
        self.dims = dims
    }

    package var rank: Int { dims.count }

    /// Product of all dimensions; 1 for a scalar.
    package var count: Int { dims.reduce(1, *) }

    /// Innermost dimension; 1 for a scalar.
    package var last: Int { dims.last ?? 1 }

    /// Product of all dimensions but the innermost.
    package var rows: Int { dims.dropLast().reduce(1, *) }

    package subscript(_ axis: Int) -> Int { dims[axis] }

    package var description: String { "[" + dims.map(String.init).joined(separator: ", ") + "]" }
}
