import StrictJSON
import VideoTypes

/// The normaliser of a tokenizer file.
indirect enum Normalizer: Sendable {
    case sequence([Normalizer])
    case characterMap(CharacterMap)
    case replace(ReplacePattern, content: [UInt8])
    case strip(left: Bool, right: Bool)
    case unicode(UnicodeNormalization)
    case lowercase
    case prepend([UInt8])
    case stripAccents
    case nmt

    func apply(to text: inout NormalizedText) {
        switch self {
        case .sequence(let parts):
            for part in parts { part.apply(to: &text) }
        case .characterMap(let map): text = map.apply(to: text)
        case .replace(let pattern, let content): text = pattern.replace(in: text, by: content)
        case .strip(let left, let right): text.strip(left: left, right: right)
        case .unicode(let form):
            let first = form.apply(to: Array(text.bytes[..<text.firstCount]))
            text = NormalizedText(form.apply(to: text.bytes), firstCount: first.count)
        case .lowercase: text.map { Array($0.properties.lowercaseMapping.utf8) }
        case .prepend(let prefix): text.prepend(prefix)
        case .stripAccents: text.map { $0.isCombiningMark ? [] : $0.utf8Bytes }
        case .nmt:
            text.map { Self.isNMTControl($0.value) ? [] : Self.isNMTSpace($0.value) ? [0x20] : $0.utf8Bytes }
        }
    }

    private static func isNMTControl(_ value: UInt32) -> Bool {
        switch value {
        case 0x01...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x8F, 0x9F: true
        default: false
        }
    }

    private static func isNMTSpace(_ value: UInt32) -> Bool {
        switch value {
        case 0x09, 0x0A, 0x0C, 0x0D, 0x1680, 0x200B...0x200F, 0x2028, 0x2029, 0x2581, 0xFEFF, 0xFFFD: true
        default: false
        }
    }
}

extension Normalizer {
    init(_ value: JSONValue, path: String) throws(TokenizerError) {
        let fields = try TokenizerFields(value, path: path)
        let type = try fields.type()
        switch type {
        case "Sequence":
            var parts: [Normalizer] = []
            for (index, part) in try fields.requiredArray("normalizers").enumerated() {
                parts.append(try Normalizer(part, path: "\(path).normalizers[\(index)]"))
            }
            self = .sequence(parts)
        case "Precompiled":
            guard let blob = Base64.decode(try fields.string("precompiled_charsmap")) else {
                throw .badValue(field: fields.name("precompiled_charsmap"), reason: "is not base64")
            }
            self = .characterMap(try CharacterMap(blob))
        case "Replace": self = try Self.replace(fields)
        case "Strip":
            self = .strip(left: try fields.requiredBool("strip_left"), right: try fields.requiredBool("strip_right"))
        case "NFC": self = .unicode(.canonicalComposed)
        case "NFD": self = .unicode(.canonicalDecomposed)
        case "NFKC": self = .unicode(.compatibilityComposed)
        case "NFKD": self = .unicode(.compatibilityDecomposed)
        case "Lowercase": self = .lowercase
        case "Prepend": self = .prepend(Array(try fields.string("prepend").utf8))
        case "StripAccents": self = .stripAccents
        case "Nmt": self = .nmt
        default: throw .unsupported(component: "normalizer \(type)")
        }
    }

    private static func replace(_ fields: TokenizerFields) throws(TokenizerError) -> Normalizer {
        guard let value = fields["pattern"] else { throw fields.missing("pattern") }
        let pattern = try TokenizerFields(value, path: fields.name("pattern"))
        let content = Array(try fields.string("content").utf8)
        if pattern["Regex"] != nil {
            return .replace(try ReplacePattern(regex: try pattern.string("Regex")), content: content)
        }
        return .replace(try ReplacePattern(literal: try pattern.string("String")), content: content)
    }
}
