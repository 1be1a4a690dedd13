/// The repairs of ftfy 6.3 with its default settings.
enum TextRepair {
    static let segmentLimit = 1_000_000

    /// Repairs line by line; HTML references stay from the first line on that has a `<`.
    static func repaired(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var resolvesReferences = true
        var start = 0
        while start < text.count {
            var end = text[start...].firstIndex(of: "\n").map { $0 + 1 } ?? text.count
            end = min(end, start + segmentLimit)
            let segment = Array(text[start..<end])
            if segment.contains("<") { resolvesReferences = false }
            result += repairedSegment(segment, resolvesReferences: resolvesReferences)
            start = end
        }
        return result
    }

    private static func repairedSegment(_ segment: [Unicode.Scalar], resolvesReferences: Bool) -> [Unicode.Scalar] {
        var text = segment
        while true {
            let before = text
            if resolvesReferences { text = HTMLReferences.resolvedUnambiguous(text) }
            if text.allSatisfy(isPlain) {
                if text == before { return text }
                continue
            }
            text = EncodingRepair.repaired(text)
            text = withPlainCharacters(text)
            text = withPlainLineBreaks(text)
            text = withoutTerminalEscapes(text)
            text.removeAll(where: isUselessControl)
            if text.contains(where: { $0.value >= 0x300 }) {
                text = Array(
                    UnicodeNormalization.canonicalComposed.apply(to: PromptCleaning.string(text)).unicodeScalars)
            }
            if text == before { return text }
        }
    }

    /// Whether nothing but a reference could make this scalar need a repair.
    private static func isPlain(_ scalar: Unicode.Scalar) -> Bool {
        0x20...0x7E ~= scalar.value || scalar == "\n"
    }

    /// C1 controls as Windows-1252 has them, ligatures taken apart, full and half width undone, quotes straightened.
    private static func withPlainCharacters(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains(where: { !$0.isASCII }) else { return text }
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for scalar in text {
            var parts = [CodePage.windows1252.fixingControl(scalar)]
            parts = parts.flatMap { ligatures[$0].map { Array($0.unicodeScalars) } ?? [$0] }
            parts = parts.flatMap { standardWidth($0) }
            result += parts.map(straightened)
        }
        return result
    }

    private static let ligatures: [Unicode.Scalar: String] = [
        "\u{132}": "IJ", "\u{133}": "ij", "\u{149}": "\u{2BC}n", "\u{1F1}": "DZ", "\u{1F2}": "Dz", "\u{1F3}": "dz",
        "\u{1C4}": "D\u{17D}", "\u{1C5}": "D\u{17E}", "\u{1C6}": "d\u{17E}", "\u{1C7}": "LJ", "\u{1C8}": "Lj",
        "\u{1C9}": "lj", "\u{1CA}": "NJ", "\u{1CB}": "Nj", "\u{1CC}": "nj", "\u{FB00}": "ff", "\u{FB01}": "fi",
        "\u{FB02}": "fl", "\u{FB03}": "ffi", "\u{FB04}": "ffl", "\u{FB05}": "\u{17F}t", "\u{FB06}": "st",
    ]

    private static func standardWidth(_ scalar: Unicode.Scalar) -> [Unicode.Scalar] {
        switch scalar.value {
        case 0x3000: [" "]
        case 0xFF01..<0xFFF0:
            Array(UnicodeNormalization.compatibilityComposed.apply(to: String(scalar)).unicodeScalars)
        default: [scalar]
        }
    }

    private static func straightened(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        case 0x201C...0x201F: "\""
        case 0x2BC, 0x2018...0x201B: "'"
        default: scalar
        }
    }

    private static func withPlainLineBreaks(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        for (index, scalar) in text.enumerated() {
            switch scalar {
            case "\r":
                if index + 1 == text.count || text[index + 1] != "\n" { result.append("\n") }
            case "\u{2028}", "\u{2029}", "\u{85}": result.append("\n")
            default: result.append(scalar)
            }
        }
        return result
    }

    /// Drops sequences such as `ESC [ 36;44 m`.
    private static func withoutTerminalEscapes(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains("\u{1B}") else { return text }
        var result: [Unicode.Scalar] = []
        var index = 0
        while index < text.count {
            if text[index] == "\u{1B}", index + 1 < text.count, text[index + 1] == "[" {
                let end = text[(index + 2)...].firstIndex {
                    $0 != ";" && $0.properties.generalCategory != .decimalNumber
                }
                if let end, text[end].isASCII, text[end].properties.isAlphabetic {
                    index = end + 1
                    continue
                }
            }
            result.append(text[index])
            index += 1
        }
        return result
    }

    private static func isUselessControl(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x00...0x08, 0x0B, 0x0E...0x1F, 0x7F, 0x206A...0x206F, 0xFEFF, 0xFFF9...0xFFFC: true
        default: false
        }
    }
}
