import StrictJSON

/// The ids that a tokenizer file puts around the text: TemplateProcessing for one sequence.
struct Template: Sendable {
    private enum Part {
        case text
        case ids([Int32])
    }

    private let parts: [Part]

    /// How many ids are added to those of the text.
    let addedCount: Int

    private init(_ parts: [Part]) {
        self.parts = parts
        addedCount = parts.reduce(0) { count, part in
            if case .ids(let ids) = part { count + ids.count } else { count }
        }
    }

    /// The text alone.
    static let plain = Template([.text])

    /// The text and a closing id.
    static func closed(by id: Int32) -> Template { Template([.text, .ids([id])]) }

    init(_ value: JSONValue) throws(TokenizerError) {
        let fields = try TokenizerFields(value, path: "post_processor")
        let type = try fields.type()
        guard type == "TemplateProcessing" else { throw .unsupported(component: "post_processor \(type)") }
        guard let specialValue = fields["special_tokens"] else { throw fields.missing("special_tokens") }
        let special = try TokenizerFields(specialValue, path: fields.name("special_tokens"))
        var parts: [Part] = []
        for (index, element) in try fields.requiredArray("single").enumerated() {
            let path = "post_processor.single[\(index)]"
            let piece = try TokenizerFields(element, path: path)
            if let sequence = piece["Sequence"] {
                let name = try TokenizerFields(sequence, path: "\(path).Sequence").string("id")
                guard name == "A" else { throw .unsupported(component: "sequence \(name) in post_processor.single") }
                parts.append(.text)
            } else if let token = piece["SpecialToken"] {
                let name = try TokenizerFields(token, path: "\(path).SpecialToken").string("id")
                guard let entry = special[name] else { throw special.missing(name) }
                parts.append(.ids(try Self.ids(try TokenizerFields(entry, path: special.name(name)))))
            } else {
                throw .badValue(field: path, reason: "must be a Sequence or a SpecialToken")
            }
        }
        self.init(parts)
    }

    private static func ids(_ fields: TokenizerFields) throws(TokenizerError) -> [Int32] {
        var ids: [Int32] = []
        for value in try fields.requiredArray("ids") {
            guard let number = value.integer, let id = Int32(exactly: number), id >= 0 else {
                throw .badValue(field: fields.name("ids"), reason: "must be whole numbers below 2^31")
            }
            ids.append(id)
        }
        return ids
    }

    func apply(to text: some Collection<Int32>) -> [Int32] {
        var result: [Int32] = []
        for part in parts {
            switch part {
            case .text: result += text
            case .ids(let ids): result += ids
            }
        }
        return result
    }
}
