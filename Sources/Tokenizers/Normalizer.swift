/// A text on its way through the normaliser.
struct NormalizedText {
    var bytes: [UInt8]
    /// Whether the first byte still stands for the first byte of the prompt.
    var isFirst: Bool

    init(_ bytes: [UInt8], isFirst: Bool) {
        self.bytes = bytes
        self.isFirst = isFirst
    }
}

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
        case .characterMap(let map): text.bytes = map.apply(to: text.bytes)
        case .replace(let pattern, let content):
            let (bytes, keepsStart) = pattern.replace(in: text.bytes, by: content)
            text.bytes = bytes
            text.isFirst = text.isFirst && keepsStart
        case .strip(let left, let right): strip(&text, left: left, right: right)
        case .unicode(let form): text.bytes = form.apply(to: text.bytes)
        case .lowercase:
            text.bytes = mapped(text.bytes) { Array($0.properties.lowercaseMapping.utf8) }
        case .prepend(let prefix):
            if !text.bytes.isEmpty { text.bytes.insert(contentsOf: prefix, at: 0) }
        case .stripAccents: filter(&text) { !$0.isCombiningMark }
        case .nmt:
            filter(&text) { !Self.isNMTControl($0.value) }
            text.bytes = mapped(text.bytes) { Self.isNMTSpace($0.value) ? [0x20] : Array(UTF8.encode($0) ?? .init()) }
        }
    }

    private func strip(_ text: inout NormalizedText, left: Bool, right: Bool) {
        let string = String(decoding: text.bytes, as: UTF8.self).unicodeScalars
        let start = left ? string.firstIndex { !$0.properties.isWhitespace } ?? string.endIndex : string.startIndex
        var end = string.endIndex
        while right, end > start, string[string.index(before: end)].properties.isWhitespace {
            end = string.index(before: end)
        }
        if start > string.startIndex { text.isFirst = false }
        text.bytes = Array(String(string[start..<end]).utf8)
    }

    private func mapped(_ text: [UInt8], _ transform: (Unicode.Scalar) -> [UInt8]) -> [UInt8] {
        String(decoding: text, as: UTF8.self).unicodeScalars.flatMap(transform)
    }

    private func filter(_ text: inout NormalizedText, _ keeps: (Unicode.Scalar) -> Bool) {
        let scalars = String(decoding: text.bytes, as: UTF8.self).unicodeScalars
        if let first = scalars.first, !keeps(first) { text.isFirst = false }
        var kept = String.UnicodeScalarView()
        kept.append(contentsOf: scalars.lazy.filter(keeps))
        text.bytes = Array(String(kept).utf8)
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
    init(_ value: JSONValue, path: String, depth: Int = 0) throws(TokenizerError) {
        let fields = try JSONFields(value, path: path)
        let type = try fields.type()
        switch type {
        case "Sequence":
            var parts: [Normalizer] = []
            for (index, part) in try fields.requiredArray("normalizers").enumerated() {
                parts.append(try Normalizer(part, path: "\(path).normalizers[\(index)]", depth: depth + 1))
            }
            self = .sequence(parts)
        case "Precompiled":
            guard let blob = base64Decoded(Array(try fields.string("precompiled_charsmap").utf8)) else {
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

    private static func replace(_ fields: JSONFields) throws(TokenizerError) -> Normalizer {
        guard let value = fields["pattern"] else { throw fields.missing("pattern") }
        let pattern = try JSONFields(value, path: fields.name("pattern"))
        let content = Array(try fields.string("content").utf8)
        if pattern["Regex"] != nil {
            return .replace(try ReplacePattern(regex: try pattern.string("Regex")), content: content)
        }
        return .replace(try ReplacePattern(literal: try pattern.string("String")), content: content)
    }
}
