import StrictJSON

/// A type that one JSON value without parts can stand for.
protocol JSONLeaf {
    static var rule: String { get }
    init?(_ value: JSONValue)
}

extension Bool: JSONLeaf {
    static var rule: String { "true or false" }

    init?(_ value: JSONValue) {
        guard case .bool(let flag) = value else { return nil }
        self = flag
    }
}

extension String: JSONLeaf {
    static var rule: String { "a text" }

    init?(_ value: JSONValue) {
        guard case .string(let text) = value else { return nil }
        self = text
    }
}

extension Double: JSONLeaf {
    static var rule: String { "a number" }

    init?(_ value: JSONValue) {
        guard case .number(let text) = value, let number = Double(text), number.isFinite else { return nil }
        self = number
    }
}

extension Float: JSONLeaf {
    static var rule: String { "a number" }

    init?(_ value: JSONValue) {
        guard case .number(let text) = value, let number = Float(text), number.isFinite else { return nil }
        self = number
    }
}

extension JSONLeaf where Self: FixedWidthInteger {
    static var rule: String { "a whole number from \(Self.min) to \(Self.max)" }

    init?(_ value: JSONValue) {
        guard case .number(let text) = value else { return nil }
        guard let number = Self(text) ?? Double(text).flatMap({ Self(exactly: $0) }) else { return nil }
        self = number
    }
}

// Every one that Decodable knows: `make` would ask a missing one to decode itself for ever.
extension Int: JSONLeaf {}
extension Int8: JSONLeaf {}
extension Int16: JSONLeaf {}
extension Int32: JSONLeaf {}
extension Int64: JSONLeaf {}
extension Int128: JSONLeaf {}
extension UInt: JSONLeaf {}
extension UInt8: JSONLeaf {}
extension UInt16: JSONLeaf {}
extension UInt32: JSONLeaf {}
extension UInt64: JSONLeaf {}
extension UInt128: JSONLeaf {}
