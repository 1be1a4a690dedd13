import StrictJSON
import VideoTypes

/// The members of a JSON object, read by name and kind; a member that nobody asks for is an error.
struct JSONFields {
    private let members: [[UInt8]: JSONValue]
    /// For messages: "request.quality".
    private let path: String

    init(_ value: JSONValue, _ path: String = "") throws(JSONFieldError) {
        guard case .object(let members) = value else { throw JSONFieldError(path, "must be an object") }
        self.members = members
        self.path = path
    }

    func path(_ name: String) -> String { path.isEmpty ? name : "\(path).\(name)" }

    private func error(_ name: String, _ problem: String) -> JSONFieldError { JSONFieldError(path(name), problem) }

    /// Refuses members of other names.
    func allow(_ names: Set<String>) throws(JSONFieldError) {
        let known = Set(names.map { Array($0.utf8) })
        guard let other = members.keys.filter({ !known.contains($0) }).min(by: { $0.lexicographicallyPrecedes($1) })
        else { return }
        throw error(String(decoding: other, as: UTF8.self).printable, "is not known")
    }

    /// nil where it is missing or null.
    func value(_ name: String) -> JSONValue? {
        guard let value = members[Array(name.utf8)], value != .null else { return nil }
        return value
    }

    func fields(_ name: String) throws(JSONFieldError) -> JSONFields? {
        guard let value = value(name) else { return nil }
        return try JSONFields(value, path(name))
    }

    var names: [String] { members.keys.map { String(decoding: $0, as: UTF8.self) }.sorted() }

    func string(_ name: String) throws(JSONFieldError) -> String? {
        guard let value = value(name) else { return nil }
        guard case .string(let text) = value else { throw error(name, "must be a string") }
        return text
    }

    func bool(_ name: String) throws(JSONFieldError) -> Bool? {
        guard let value = value(name) else { return nil }
        guard case .bool(let flag) = value else { throw error(name, "must be true or false") }
        return flag
    }

    /// Finite and within the range.
    func number(
        _ name: String, in range: ClosedRange<Double> = -1e15...1e15
    ) throws(JSONFieldError) -> Double? {
        guard let value = value(name) else { return nil }
        guard case .number(let text) = value, let number = Double(text) else { throw error(name, "must be a number") }
        guard range.contains(number) else {
            throw error(name, "must be between \(range.lowerBound) and \(range.upperBound)")
        }
        return number
    }

    func integer(_ name: String, in range: ClosedRange<Int>) throws(JSONFieldError) -> Int? {
        guard let value = value(name) else { return nil }
        guard case .number(let text) = value, let number = JSONNumber.whole(text).flatMap({ Int($0) }),
            range.contains(number)
        else {
            throw error(name, "must be a whole number between \(range.lowerBound) and \(range.upperBound)")
        }
        return number
    }

    func array(_ name: String, atMost limit: Int = 1000) throws(JSONFieldError) -> [JSONValue]? {
        guard let value = value(name) else { return nil }
        guard case .array(let elements) = value else { throw error(name, "must be a list") }
        guard elements.count <= limit else { throw error(name, "has more than \(limit) elements") }
        return elements
    }

    func strings(_ name: String) throws(JSONFieldError) -> [String]? {
        guard let elements = try array(name) else { return nil }
        var strings: [String] = []
        for element in elements {
            guard case .string(let text) = element else { throw error(name, "must be a list of strings") }
            strings.append(text)
        }
        return strings
    }

    /// One of a closed list of words.
    func word<Word: RawRepresentable & CaseIterable>(
        _ name: String, _ type: Word.Type
    ) throws(JSONFieldError) -> Word? where Word.RawValue == String {
        guard let text = try string(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            let words = Word.allCases.map(\.rawValue).joined(separator: ", ")
            throw error(name, "must be one of \(words), got '\(String(text.prefix(60)).printable)'")
        }
        return word
    }

    /// What must be there.
    func needed<Value>(_ name: String, _ value: Value?) throws(JSONFieldError) -> Value {
        guard let value else { throw error(name, "is missing") }
        return value
    }
}

/// What is wrong with a member of a JSON object.
package struct JSONFieldError: Error, Equatable, Sendable {
    package let path: String
    package let problem: String

    init(_ path: String, _ problem: String) {
        self.path = path
        self.problem = problem
    }

    package var message: String { path.isEmpty ? problem : "\(path) \(problem)" }
}
