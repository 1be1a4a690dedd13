import StrictJSON

/// Makes Swift values of a configuration's tree, with errors that name the file, the field and what stands there.
struct JSONValueDecoder: Decoder {
    let value: JSONValue
    /// How errors name the file and the place in it: `blocks[2].size`.
    let file: String
    let path: String

    var codingPath: [any CodingKey] { [] }
    var userInfo: [CodingUserInfoKey: Any] { [:] }

    func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard case .object(let members) = value else { throw failure("an object") }
        return KeyedDecodingContainer(Members(members: members, decoder: self))
    }

    func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard case .array(let elements) = value else { throw failure("a list") }
        return Elements(elements: elements, decoder: self)
    }

    func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    /// A whole value of any kind.
    func make<T: Decodable>(_ type: T.Type) throws -> T {
        if let leaf = type as? any JSONLeaf.Type {
            guard let made = leaf.init(value) as? T else { throw failure(leaf.rule) }
            return made
        }
        do {
            return try T(from: self)
        } catch is DecodingError {
            throw failure("one of the values known here")
        }
    }

    private func failure(_ rule: String) -> WeightError {
        .config(file: file, field: path, value: value.shown, rule: rule)
    }

    fileprivate func child(_ key: String, _ value: JSONValue) -> JSONValueDecoder {
        JSONValueDecoder(value: value, file: file, path: path.isEmpty ? key : "\(path).\(key)")
    }

    fileprivate func child(_ index: Int, _ value: JSONValue) -> JSONValueDecoder {
        JSONValueDecoder(value: value, file: file, path: "\(path)[\(index)]")
    }
}

extension JSONValueDecoder: SingleValueDecodingContainer {
    func decodeNil() -> Bool {
        if case .null = value { true } else { false }
    }

    func decode<T: Decodable>(_ type: T.Type) throws -> T { try make(type) }
}

private struct Members<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let members: [[UInt8]: JSONValue]
    let decoder: JSONValueDecoder

    var codingPath: [any CodingKey] { [] }
    var allKeys: [Key] { members.keys.compactMap { Key(stringValue: String(decoding: $0, as: UTF8.self)) } }

    func contains(_ key: Key) -> Bool { members[Array(key.stringValue.utf8)] != nil }

    func decodeNil(forKey key: Key) throws -> Bool { try member(key).decodeNil() }

    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try member(key).make(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> { try member(key).container(keyedBy: type) }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try member(key).unkeyedContainer()
    }

    func superDecoder() throws -> any Decoder { decoder }

    func superDecoder(forKey key: Key) throws -> any Decoder { try member(key) }

    private func member(_ key: Key) throws -> JSONValueDecoder {
        guard let value = members[Array(key.stringValue.utf8)] else {
            let missing = decoder.child(key.stringValue, .null)
            throw WeightError.config(file: decoder.file, field: missing.path, value: nil, rule: "present")
        }
        return decoder.child(key.stringValue, value)
    }
}

private struct Elements: UnkeyedDecodingContainer {
    let elements: [JSONValue]
    let decoder: JSONValueDecoder
    private(set) var currentIndex = 0

    init(elements: [JSONValue], decoder: JSONValueDecoder) {
        self.elements = elements
        self.decoder = decoder
    }

    var codingPath: [any CodingKey] { [] }
    var count: Int? { elements.count }
    var isAtEnd: Bool { currentIndex == elements.count }

    mutating func decodeNil() throws -> Bool {
        guard !isAtEnd, case .null = elements[currentIndex] else { return false }
        currentIndex += 1
        return true
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try next().make(type) }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> { try next().container(keyedBy: type) }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }

    mutating func superDecoder() throws -> any Decoder { try next() }

    private mutating func next() throws -> JSONValueDecoder {
        guard !isAtEnd else {
            throw WeightError.config(
                file: decoder.file, field: decoder.path, value: "a list of \(elements.count)", rule: "a longer list")
        }
        defer { currentIndex += 1 }
        return decoder.child(currentIndex, elements[currentIndex])
    }
}

extension JSONValue {
    /// How an error shows the value.
    var shown: String {
        switch self {
        case .null: "null"
        case .bool(let flag): "\(flag)"
        case .number(let text): text
        case .string(let text): "\"\(text)\""
        case .array(let values): "a list of \(values.count)"
        case .object: "an object"
        }
    }
}
