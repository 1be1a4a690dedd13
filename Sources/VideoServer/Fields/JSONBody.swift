import StrictJSON

/// Reads a JSON body as fields.
enum JSONBody {
    /// Commas and opening brackets outside of strings: more than any honest request has.
    static let markLimit = 512

    static func fields(_ body: [UInt8]) throws(APIError) -> [String: FieldValue] {
        // Counted first: a tree of millions of empty lists takes far more memory than its text.
        guard marks(in: body) <= markLimit else {
            throw APIError(400, "too_many_fields", "the JSON body has too many members")
        }
        let tree: JSONValue
        do throws(JSONError) {
            tree = try JSONValue(body)
        } catch {
            throw APIError(400, "invalid_json", "the body is not valid JSON: \(problem(error)) at byte \(error.offset)")
        }
        guard case .object(let members) = tree else {
            throw APIError(400, "invalid_json", "the body must be a JSON object")
        }
        guard members.count <= FieldTree.partLimit else {
            throw APIError(400, "too_many_fields", "the JSON body has too many members")
        }
        return try fields(members, depth: 1)
    }

    /// Without what came from outside.
    private static func problem(_ error: JSONError) -> String {
        if case .duplicateKey = error.problem { "a key appears twice" } else { error.problem.message }
    }

    private static func marks(in body: [UInt8]) -> Int {
        var count = 0
        var isInString = false
        var isEscaped = false
        for byte in body {
            if isInString {
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
            } else {
                switch byte {
                case UInt8(ascii: "\""): isInString = true
                case UInt8(ascii: ","), UInt8(ascii: "["), UInt8(ascii: "{"): count += 1
                default: break
                }
            }
        }
        return count
    }

    /// Null means left out.
    private static func fields(
        _ members: [[UInt8]: JSONValue], depth: Int
    ) throws(APIError) -> [String: FieldValue] {
        guard depth <= FieldTree.depthLimit else {
            throw APIError(400, "nested_too_deeply", "fields are nested at most \(FieldTree.depthLimit) deep")
        }
        var fields: [String: FieldValue] = [:]
        for (key, member) in members {
            let name = String(decoding: key, as: UTF8.self)
            guard let value = try value(member, depth: depth) else { continue }
            guard fields.updateValue(value, forKey: name) == nil else {
                throw APIError(
                    400, "duplicate_parameter", "\(name.clipped) is given twice; leave one of them out",
                    parameter: name.clipped)
            }
        }
        return fields
    }

    private static func value(_ value: JSONValue, depth: Int) throws(APIError) -> FieldValue? {
        switch value {
        case .null: return nil
        case .bool(let value): return .bool(value)
        case .number(let text): return .number(text)
        case .string(let text): return .string(text)
        case .object(let members): return .object(try fields(members, depth: depth + 1))
        case .array(let elements):
            guard depth < FieldTree.depthLimit else {
                throw APIError(400, "nested_too_deeply", "fields are nested at most \(FieldTree.depthLimit) deep")
            }
            var values: [FieldValue] = []
            for element in elements {
                if let element = try Self.value(element, depth: depth + 1) { values.append(element) }
            }
            return .list(values)
        }
    }
}
