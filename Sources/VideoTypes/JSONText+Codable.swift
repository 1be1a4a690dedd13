/// As the value that it writes.
extension JSONText: Codable {
    private struct Name: CodingKey {
        let stringValue: String
        var intValue: Int? { nil }

        init(stringValue: String) { self.stringValue = stringValue }

        init?(intValue: Int) { nil }
    }

    public init(from decoder: any Decoder) throws {
        if let values = try? decoder.container(keyedBy: Name.self) {
            let names = values.allKeys.sorted { $0.stringValue < $1.stringValue }
            self = .object(try names.map { ($0.stringValue, try values.decode(JSONText.self, forKey: $0)) })
        } else if var values = try? decoder.unkeyedContainer() {
            var elements: [JSONText] = []
            while !values.isAtEnd { elements.append(try values.decode(JSONText.self)) }
            self = .array(elements)
        } else {
            self = try Self.single(decoder.singleValueContainer())
        }
    }

    /// Whole numbers before others: 1 is an integer, 1.5 is not.
    private static func single(_ value: any SingleValueDecodingContainer) throws -> JSONText {
        if value.decodeNil() { return .null }
        if let flag = try? value.decode(Bool.self) { return .bool(flag) }
        if let integer = try? value.decode(Int.self) { return .integer(integer) }
        if let unsigned = try? value.decode(UInt64.self) { return .unsigned(unsigned) }
        if let number = try? value.decode(Double.self) { return .number(number) }
        return .string(try value.decode(String.self))
    }

    public func encode(to encoder: any Encoder) throws {
        switch self {
        case .object(let pairs):
            var values = encoder.container(keyedBy: Name.self)
            for (name, value) in pairs { try values.encode(value, forKey: Name(stringValue: name)) }
        case .array(let elements):
            var values = encoder.unkeyedContainer()
            for element in elements { try values.encode(element) }
        default:
            var value = encoder.singleValueContainer()
            switch self {
            case .bool(let flag): try value.encode(flag)
            case .integer(let integer): try value.encode(integer)
            case .unsigned(let unsigned): try value.encode(unsigned)
            case .number(let number): try value.encode(number)
            case .string(let text): try value.encode(text)
            case .null, .object, .array: try value.encodeNil()
            }
        }
    }
}
