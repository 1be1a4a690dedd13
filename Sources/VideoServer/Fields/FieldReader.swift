import StrictJSON
import VideoTypes

/// Reads the fields of a body as the kinds of value that they stand for.
struct FieldReader {
    let fields: [String: FieldValue]

    /// Refuses names that are not known.
    init(_ fields: [String: FieldValue]) throws(APIError) {
        for name in fields.keys.sorted() where Parameter(name) == nil {
            let nearest = Parameter.nearest(to: name).map { "; did you mean '\($0.name)'?" } ?? ""
            throw APIError(
                400, "unknown_parameter", "there is no parameter '\(name.clipped)'\(nearest)", parameter: name.clipped)
        }
        self.fields = fields
    }

    func value(_ parameter: Parameter) -> FieldValue? { fields[parameter.name] }

    /// A text for people: no zero byte, no control characters but line breaks and tabs.
    func text(_ parameter: Parameter, maxBytes: Int) throws(APIError) -> String? {
        guard let value = value(parameter) else { return nil }
        return try Self.text(value, parameter.name, maxBytes: maxBytes)
    }

    static func text(_ value: FieldValue, _ name: String, maxBytes: Int) throws(APIError) -> String {
        guard case .text(let text) = value.asText else { throw .invalid(name, "must be a text", code: "invalid_type") }
        guard text.utf8.count <= maxBytes else {
            throw .invalid(name, "has \(text.utf8.count) bytes, the limit is \(maxBytes)", code: "string_too_long")
        }
        let hasControls = text.unicodeScalars.contains {
            ($0.value < 0x20 && $0 != "\n" && $0 != "\t" && $0 != "\r") || (0x7F...0x9F).contains($0.value)
        }
        guard !hasControls else { throw .invalid(name, "contains control characters") }
        return text
    }

    /// Texts of a list, or between separators of one text.
    private func texts(_ parameter: Parameter, separator: Character?) throws(APIError) -> [String] {
        guard case .list(let values) = value(parameter) else {
            let text = try text(parameter, maxBytes: Self.listBytes) ?? ""
            guard let separator else { return [text] }
            return text.split(separator: separator).map { String($0.trimmingPrefix { $0 == " " }) }
        }
        var texts: [String] = []
        for value in values { texts.append(try Self.text(value, parameter.name, maxBytes: Self.listBytes)) }
        return texts
    }

    private static let listBytes = 4096

    func integer(_ parameter: Parameter, in range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let digits = try digits(parameter, "must be a whole number") else { return nil }
        // What overflows is out of every range.
        guard let value = Int(try whole(digits, parameter)), range.contains(value) else {
            throw .invalid(parameter.name, "must be between \(range.lowerBound) and \(range.upperBound)")
        }
        return value
    }

    /// Any number of 64 bits, as the command takes it.
    func seed(_ parameter: Parameter) throws(APIError) -> UInt64? {
        guard let digits = try digits(parameter, "must be a whole number") else { return nil }
        guard let value = UInt64(try whole(digits, parameter)) else {
            throw .invalid(parameter.name, "must be between 0 and \(UInt64.max)")
        }
        return value
    }

    private func whole(_ text: String, _ parameter: Parameter) throws(APIError) -> String {
        guard let digits = JSONNumber.whole(text) else {
            throw .invalid(parameter.name, "must be a whole number", code: "invalid_type")
        }
        return digits
    }

    func number(_ parameter: Parameter, in range: ClosedRange<Double>) throws(APIError) -> Double? {
        guard let digits = try digits(parameter, "must be a number") else { return nil }
        guard JSONNumber.isNumber(digits) else {
            throw .invalid(parameter.name, "must be a number", code: "invalid_type")
        }
        guard let value = Double(digits), range.contains(value) else {
            throw .invalid(parameter.name, "must be between \(range.lowerBound) and \(range.upperBound)")
        }
        return value
    }

    func flag(_ parameter: Parameter) throws(APIError) -> Bool? {
        switch value(parameter) {
        case nil: return nil
        case .bool(let value): return value
        case .text("true"): return true
        case .text("false"): return false
        default: throw .invalid(parameter.name, "must be true or false", code: "invalid_type")
        }
    }

    /// Numbers come as numbers, in a form as text; `seconds` may be a string in JSON too, and so may `seed`, for
    /// JavaScript's numbers end at 2^53.
    private func digits(_ parameter: Parameter, _ problem: String) throws(APIError) -> String? {
        switch value(parameter) {
        case nil: return nil
        case .number(let text), .text(let text): return text
        case .string(let text) where Self.textual.contains(parameter): return text
        default: throw .invalid(parameter.name, problem, code: "invalid_type")
        }
    }

    private static let textual = [Term.duration, .seed].compactMap { Parameter($0) }
}

/// Fields of the clip, all in one way.
extension FieldReader {
    /// Puts a field into a request, where the body has it.
    func read(_ field: RequestField, into request: inout VideoRequest) throws(APIError) {
        guard let parameter = Parameter(field), value(parameter) != nil else { return }
        switch field.value {
        case .text(let path):
            request[keyPath: path] = try text(parameter, maxBytes: CreateRequest.Limits.promptBytes)
        case .integer(let path, let range): request[keyPath: path] = try integer(parameter, in: range)
        case .number(let path, let range): request[keyPath: path] = try number(parameter, in: range)
        case .seed(let path): request[keyPath: path] = try seed(parameter)
        case .flag(let path): request[keyPath: path] = try flag(parameter) ?? false
        case .word(let word):
            guard let text = try text(parameter, maxBytes: 256) else { return }
            guard word.read(text, &request) else { throw .invalid(parameter.name, "must be \(word.rule)") }
        case .words(let word):
            for text in try texts(parameter, separator: word.separator) {
                guard word.read(text, &request) else { throw .invalid(parameter.name, "must be \(word.rule)") }
            }
        case .numbers, .special: return
        }
    }
}

extension FieldValue {
    /// A string of JSON and a text of a form are the same thing where text is wanted.
    var asText: FieldValue {
        if case .string(let text) = self { .text(text) } else { self }
    }
}
