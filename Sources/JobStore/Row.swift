/// One row of a result, read from its first column to its last.
///
/// Nothing is taken on trust: a damaged file can hold any value in any column.
struct Row {
    private let statement: Statement
    private var column: Int32 = 0

    init(_ statement: Statement) {
        self.statement = statement
    }

    mutating func integer() throws(StoreError) -> Int { try present(statement.integer(next()), "number") }

    mutating func real() throws(StoreError) -> Double { try present(statement.real(next()), "number") }

    mutating func text() throws(StoreError) -> String { try present(statement.text(next()), "text") }

    mutating func integerOrNull() throws(StoreError) -> Int? {
        let place = next()
        return statement.isNull(place) ? nil : try present(statement.integer(place), "number")
    }

    mutating func textOrNull() throws(StoreError) -> String? {
        let place = next()
        return statement.isNull(place) ? nil : try present(statement.text(place), "text")
    }

    private mutating func next() -> Int32 {
        defer { column += 1 }
        return column
    }

    private func present<T>(_ value: T?, _ kind: String) throws(StoreError) -> T {
        guard let value else { throw .damaged("no \(kind) where one should be") }
        return value
    }
}
