/// The text of a statement: written in this program, never put together from data.
struct SQL: Hashable, ExpressibleByStringLiteral {
    let text: String

    init(stringLiteral value: StaticString) {
        text = value.description
    }

    private init(text: String) {
        self.text = text
    }

    static func + (left: SQL, right: SQL) -> SQL { SQL(text: left.text + right.text) }
}

/// What is bound to a place of a statement.
enum SQLValue {
    case null
    case integer(Int)
    case real(Double)
    case text(String)

    static func integer(_ value: Int?) -> SQLValue { value.map { .integer($0) } ?? .null }
    static func text(_ value: String?) -> SQLValue { value.map { .text($0) } ?? .null }
}
