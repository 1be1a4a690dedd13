/// A text for people whose terms each surface spells in its own words.
///
/// Written as a text: `"use a smaller size, or \(.tilesVAE, "true")"`.
public struct Wording: Sendable, Hashable {
    fileprivate enum Part: Sendable, Hashable, Codable {
        case text(String)
        case term(Term)
        case setting(Term, String)
    }

    fileprivate var parts: [Part]

    fileprivate init(parts: [Part]) { self.parts = parts }

    /// A text without terms.
    public init(plain text: String) { parts = text.isEmpty ? [] : [.text(text)] }

    /// The text in somebody's words; nil where it speaks of what they have not.
    public func text(in vocabulary: Vocabulary) -> String? {
        var text = ""
        for part in parts {
            switch part {
            case .text(let words): text += words
            case .term(let term):
                guard let name = vocabulary.spelled(term) else { return nil }
                text += name
            case .setting(let term, let value):
                guard let setting = vocabulary.spelled(term, value) else { return nil }
                text += setting
            }
        }
        return text
    }

    /// In the words of this library, which has a name for everything.
    public var text: String { text(in: .library) ?? "" }
}

extension Wording: ExpressibleByStringInterpolation {
    public struct StringInterpolation: StringInterpolationProtocol {
        fileprivate var parts: [Part] = []

        public init(literalCapacity: Int, interpolationCount: Int) {}

        public mutating func appendLiteral(_ text: String) { append(text) }

        public mutating func appendInterpolation(_ term: Term) { parts.append(.term(term)) }

        /// A term set to a value.
        public mutating func appendInterpolation(_ term: Term, _ value: String) {
            parts.append(.setting(term, value))
        }

        public mutating func appendInterpolation(_ wording: Wording) {
            for part in wording.parts {
                if case .text(let text) = part { append(text) } else { parts.append(part) }
            }
        }

        public mutating func appendInterpolation(_ text: String) { append(text) }

        public mutating func appendInterpolation<T>(_ value: T) { append("\(value)") }

        /// Texts side by side are one, so that equal wordings are equal values.
        private mutating func append(_ text: String) {
            guard !text.isEmpty else { return }
            if case .text(let last) = parts.last {
                parts[parts.count - 1] = .text(last + text)
            } else {
                parts.append(.text(text))
            }
        }
    }

    public init(stringLiteral text: String) { self.init(plain: text) }

    public init(stringInterpolation: StringInterpolation) { parts = stringInterpolation.parts }
}

/// A text without terms is written as one, so that what was written before there were terms can be read.
extension Wording: Codable {
    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let text = try? container.decode(String.self) {
            self.init(plain: text)
        } else {
            self.init(parts: try container.decode([Part].self))
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch parts.first {
        case nil: try container.encode("")
        case .text(let text) where parts.count == 1: try container.encode(text)
        default: try container.encode(parts)
        }
    }
}
