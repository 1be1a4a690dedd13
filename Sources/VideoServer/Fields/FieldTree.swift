/// Puts the parts of a form together by their bracket names: `metadata[a]`, `extras[x][y]`, `list[]`.
struct FieldTree {
    static let partLimit = 64
    static let depthLimit = 3

    private(set) var fields: [String: FieldValue] = [:]
    private var count = 0

    mutating func add(_ name: String, _ value: FieldValue) throws(APIError) {
        count += 1
        guard count <= Self.partLimit else {
            throw APIError(400, "too_many_parts", "a form has at most \(Self.partLimit) parts")
        }
        guard let path = Self.path(of: name) else {
            throw APIError(400, "invalid_field_name", "a field has a name that is none: '\(name.clipped)'")
        }
        guard path.count <= Self.depthLimit else {
            throw APIError(
                400, "nested_too_deeply", "fields are nested at most \(Self.depthLimit) deep",
                parameter: path[0].clipped)
        }
        guard Self.insert(value, path[...], into: &fields) else {
            throw APIError(
                400, "duplicate_parameter", "\(path[0].clipped) is given twice; leave one of them out",
                parameter: path[0].clipped)
        }
    }

    /// "a[b][]" is ["a", "b", ""]; nil for what has no such form.
    static func path(of name: String) -> [String]? {
        guard name.utf8.count <= 256, !name.utf8.contains(0) else { return nil }
        let head = name.prefix { $0 != "[" }
        guard !head.isEmpty, !head.contains("]") else { return nil }
        var path = [String(head)]
        var rest = name[head.endIndex...]
        while !rest.isEmpty {
            guard rest.first == "[", let end = rest.firstIndex(of: "]") else { return nil }
            let segment = rest[rest.index(after: rest.startIndex)..<end]
            guard !segment.contains("["), path.last?.isEmpty == false else { return nil }
            path.append(String(segment))
            rest = rest[rest.index(after: end)...]
        }
        return path
    }

    /// False where something is in the way.
    private static func insert(
        _ value: FieldValue, _ path: ArraySlice<String>, into fields: inout [String: FieldValue]
    ) -> Bool {
        guard let name = path.first else { return false }
        let rest = path.dropFirst()
        guard let next = rest.first else {
            guard fields[name] == nil else { return false }
            fields[name] = value
            return true
        }
        if next.isEmpty {
            switch fields[name] {
            case nil: fields[name] = .list([value])
            case .list(let values): fields[name] = .list(values + [value])
            default: return false
            }
            return true
        }
        var inner: [String: FieldValue] = [:]
        switch fields[name] {
        case nil: break
        case .object(let members): inner = members
        default: return false
        }
        guard insert(value, rest, into: &inner) else { return false }
        fields[name] = .object(inner)
        return true
    }
}

extension String {
    /// At most 64 characters, without control characters: fit to be told back.
    var clipped: String {
        var text = ""
        for scalar in unicodeScalars.prefix(64) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: text += "?"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > 64 ? text + "…" : text
    }
}
