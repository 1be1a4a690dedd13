/// A parsed JSON value.
enum JSONValue {
    case null
    case bool(Bool)
    case integer(Int)
    case number(Double)
    case string(String)
    case array([JSONValue])
    /// Keys are bytes: two strings count as equal in Swift if they are only canonically equivalent.
    case object([[UInt8]: JSONValue])

    /// What a message calls this kind of value.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    var isNull: Bool {
        if case .null = self { return true }
        return false
    }
}

/// One JSON object together with the path by which messages name it.
struct JSONFields {
    let path: String
    let fields: [[UInt8]: JSONValue]

    init(_ value: JSONValue, path: String) throws(TokenizerError) {
        guard case .object(let fields) = value else {
            throw .badValue(field: path, reason: "must be an object, not \(value.kind)")
        }
        self.path = path
        self.fields = fields
    }

    /// The field's value; nil if it is absent or null.
    subscript(name: String) -> JSONValue? {
        guard let value = fields[Array(name.utf8)], !value.isNull else { return nil }
        return value
    }

    func name(_ field: String) -> String { path.isEmpty ? field : "\(path).\(field)" }

    func missing(_ field: String) -> TokenizerError { .badValue(field: name(field), reason: "is missing") }

    func wrong(_ field: String, _ wanted: String, _ value: JSONValue) -> TokenizerError {
        .badValue(field: name(field), reason: "must be \(wanted), not \(value.kind)")
    }

    func string(_ field: String) throws(TokenizerError) -> String {
        guard let value = self[field] else { throw missing(field) }
        guard case .string(let text) = value else { throw wrong(field, "a string", value) }
        return text
    }

    func bool(_ field: String) throws(TokenizerError) -> Bool? {
        guard let value = self[field] else { return nil }
        guard case .bool(let flag) = value else { throw wrong(field, "true or false", value) }
        return flag
    }

    func requiredBool(_ field: String) throws(TokenizerError) -> Bool {
        guard let flag = try bool(field) else { throw missing(field) }
        return flag
    }

    func integer(_ field: String) throws(TokenizerError) -> Int? {
        guard let value = self[field] else { return nil }
        guard case .integer(let number) = value else { throw wrong(field, "a whole number", value) }
        return number
    }

    func array(_ field: String) throws(TokenizerError) -> [JSONValue]? {
        guard let value = self[field] else { return nil }
        guard case .array(let elements) = value else { throw wrong(field, "an array", value) }
        return elements
    }

    func requiredArray(_ field: String) throws(TokenizerError) -> [JSONValue] {
        guard let elements = try array(field) else { throw missing(field) }
        return elements
    }

    /// The `type` field, by which the parts of a tokenizer file are told apart.
    func type() throws(TokenizerError) -> String { try string("type") }
}
