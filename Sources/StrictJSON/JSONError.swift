/// What is wrong with a JSON text, and where.
package struct JSONError: Error, Equatable, Sendable {
    /// Bytes in front of the place.
    package let offset: Int
    package let problem: JSONProblem
}

/// What is wrong with a JSON text.
package enum JSONProblem: Equatable, Sendable {
    case notUTF8
    case unexpectedEnd
    /// Something else stands where this should be.
    case expected(String)
    case controlCharacter
    case unknownEscape
    case halfSurrogatePair
    case numberOutOfRange
    case tooManyElements(limit: Int)
    case nestedTooDeeply
    case duplicateKey(String)
    case trailing
}

extension JSONProblem {
    package var message: String {
        switch self {
        case .notUTF8: "not valid UTF-8"
        case .unexpectedEnd: "the text ends too early"
        case .expected(let thing): "expected \(thing)"
        case .controlCharacter: "control character in a string"
        case .unknownEscape: "unknown escape"
        case .halfSurrogatePair: "half of a surrogate pair"
        case .numberOutOfRange: "the number is out of range"
        case .tooManyElements(let limit): "more than \(limit) elements"
        case .nestedTooDeeply: "nested deeper than \(JSONScanner.depthLimit)"
        case .duplicateKey(let key): "the key '\(key.printable)' appears twice"
        case .trailing: "text behind the end"
        }
    }
}
