/// Range checks for the numbers of one configuration file, so that absurd ones end as errors and not as arithmetic.
package struct ConfigFields: Sendable {
    /// How errors name the file.
    package let file: String

    package init(file: String) {
        self.file = file
    }

    /// The error for a field that breaks `rule`.
    package func failure(_ field: String, _ value: some CustomStringConvertible, _ rule: String) -> WeightError {
        .config(file: file, field: field, value: value.description, rule: rule)
    }

    /// `value`, a whole number from 1 to `limit`.
    @discardableResult
    package func positive(_ value: Int, _ field: String, limit: Int) throws(WeightError) -> Int {
        try whole(value, field, in: 1...limit)
    }

    /// `value`, a whole number in `range`.
    @discardableResult
    package func whole(_ value: Int, _ field: String, in range: ClosedRange<Int>) throws(WeightError) -> Int {
        try within(range, value, field)
    }

    /// `value`, a finite number in `range`.
    @discardableResult
    package func real(_ value: Double, _ field: String, in range: ClosedRange<Double>) throws(WeightError) -> Double {
        try within(range, value, field)
    }

    private func within<T: Comparable & CustomStringConvertible>(
        _ range: ClosedRange<T>, _ value: T, _ field: String
    ) throws(WeightError) -> T {
        guard range.contains(value) else {
            throw failure(field, value, "from \(range.lowerBound) to \(range.upperBound)")
        }
        return value
    }

    /// `value`, a positive multiple of `divisor` up to `limit`.
    @discardableResult
    package func multiple(_ value: Int, _ field: String, of divisor: Int, limit: Int) throws(WeightError) -> Int {
        try positive(value, field, limit: limit)
        guard value % divisor == 0 else { throw failure(field, value, "a multiple of \(divisor)") }
        return value
    }

    /// `values`, exactly `count` of them.
    @discardableResult
    package func exactly<T>(_ count: Int, _ values: [T], _ field: String) throws(WeightError) -> [T] {
        guard values.count == count else {
            throw failure(field, "a list of \(values.count)", "a list of \(count)")
        }
        return values
    }

    /// `value`, which what the file `other` says demands to be `needed`.
    package func agrees<T: Equatable & CustomStringConvertible>(
        with other: String, _ needed: T, _ value: T, _ field: String
    ) throws(WeightError) {
        guard value != needed else { return }
        throw .disagreement(
            file: file, field: field, value: value.description, rule: needed.description, other: other)
    }

    /// `value`, one of `known`.
    @discardableResult
    package func oneOf<T: Equatable & CustomStringConvertible>(
        _ known: [T], _ value: T, _ field: String
    ) throws(WeightError) -> T {
        guard known.contains(value) else {
            throw failure(field, value, known.map(\.description).joined(separator: " or "))
        }
        return value
    }
}
