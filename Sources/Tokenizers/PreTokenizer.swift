import StrictJSON

/// The pre-tokeniser of a tokenizer file: cuts the text into the parts that the model segments one by one.
indirect enum PreTokenizer: Sendable {
    enum PrependScheme: String {
        case always
        case first
        case never
    }

    case sequence([PreTokenizer])
    case metaspace(replacement: [UInt8], scheme: PrependScheme, splits: Bool)
    case whitespaceSplit
    case whitespace

    func apply(to text: inout SplitText) {
        switch self {
        case .sequence(let parts):
            for part in parts { part.apply(to: &text) }
        case .metaspace(let replacement, let scheme, let splits):
            text = text.mapParts { text, part, result in
                Self.metaspace(text, part, replacement, scheme, splits, into: &result)
            }
        case .whitespaceSplit:
            text = text.mapParts { text, part, result in
                Self.cut(text, part, into: &result) { $0.properties.isWhitespace ? nil : 0 }
            }
        case .whitespace:
            text = text.mapParts { text, part, result in
                Self.cut(text, part, into: &result) {
                    $0.isWordCharacter ? 0 : $0.properties.isWhitespace ? nil : 1
                }
            }
        }
    }

    /// Keeps the runs of scalars of one kind; those without a kind separate them and are dropped.
    private static func cut(
        _ text: [UInt8], _ part: SplitText.Part, into result: inout SplitText, _ kind: (Unicode.Scalar) -> Int?
    ) {
        var start = part.range.lowerBound
        var runKind: Int?
        func close(_ end: Int) {
            guard runKind != nil else { return }
            result.append(text[start..<end], firstCount: part.firstCount - (start - part.range.lowerBound))
        }
        var index = start
        while index < part.range.upperBound {
            let (scalar, width) = text.scalar(at: index)
            let kind = kind(scalar)
            if kind != runKind {
                close(index)
                (start, runKind) = (index, kind)
            }
            index += width
        }
        close(part.range.upperBound)
    }

    private static func metaspace(
        _ text: [UInt8], _ part: SplitText.Part, _ replacement: [UInt8], _ scheme: PrependScheme, _ splits: Bool,
        into result: inout SplitText
    ) {
        var text = NormalizedText(Array(text[part.range]), firstCount: part.firstCount)
        let wantsPrefix = scheme == .always || scheme == .first && text.firstCount > 0
        text.map { $0 == " " ? replacement : $0.utf8Bytes }
        if wantsPrefix, !text.bytes.starts(with: replacement) { text.prepend(replacement) }
        let marked = text.bytes
        guard splits else {
            result.append(marked[...], firstCount: text.firstCount)
            return
        }
        var start = 0
        for index in marked.indices where index > 0 && marked[index] == replacement[0] {
            if marked[index...].starts(with: replacement) {
                result.append(marked[start..<index], firstCount: text.firstCount - start)
                start = index
            }
        }
        result.append(marked[start...], firstCount: text.firstCount - start)
    }
}

extension PreTokenizer {
    init(_ value: JSONValue, path: String) throws(TokenizerError) {
        let fields = try TokenizerFields(value, path: path)
        let type = try fields.type()
        switch type {
        case "Sequence":
            var parts: [PreTokenizer] = []
            for (index, part) in try fields.requiredArray("pretokenizers").enumerated() {
                parts.append(try PreTokenizer(part, path: "\(path).pretokenizers[\(index)]"))
            }
            self = .sequence(parts)
        case "Metaspace": self = try Self.metaspace(fields)
        case "WhitespaceSplit": self = .whitespaceSplit
        case "Whitespace": self = .whitespace
        default: throw .unsupported(component: "pre_tokenizer \(type)")
        }
    }

    private static func metaspace(_ fields: TokenizerFields) throws(TokenizerError) -> PreTokenizer {
        let replacement = try fields.string("replacement")
        guard replacement.unicodeScalars.count == 1 else {
            throw .badValue(field: fields.name("replacement"), reason: "must be one character, not `\(replacement)`")
        }
        var scheme = PrependScheme.always
        if fields["prepend_scheme"] != nil {
            let name = try fields.string("prepend_scheme")
            guard let known = PrependScheme(rawValue: name) else {
                throw .unsupported(component: "prepend_scheme \(name) of pre_tokenizer Metaspace")
            }
            scheme = known
        }
        if try fields.bool("add_prefix_space") == false, scheme != .never {
            throw .badValue(
                field: fields.name("add_prefix_space"), reason: "is false, but prepend_scheme is not `never`")
        }
        let splits = try fields.bool("split") ?? true
        return .metaspace(replacement: Array(replacement.utf8), scheme: scheme, splits: splits)
    }
}
