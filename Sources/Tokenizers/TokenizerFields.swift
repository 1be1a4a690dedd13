import StrictJSON

extension JSONValue {
    /// Reads a whole text.
    init(_ text: RawSpan) throws(TokenizerError) {
        do throws(JSONError) {
            try self.init([UInt8](copying: text))
        } catch {
            throw TokenizerError(error)
        }
    }

    /// What a message calls this kind of value.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a boolean"
        case .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }

    /// The number that is written here in digits only.
    var integer: Int? {
        guard case .number(let text) = self else { return nil }
        return Int(text)
    }
}

/// One JSON object together with the path by which messages name it.
struct TokenizerFields {
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
        guard let value = fields[Array(name.utf8)], value != .null else { return nil }
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
        guard let number = value.integer else { throw wrong(field, "a whole number", value) }
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
