/// A text in parts: those already turned into ids, and those still to be worked on.
struct SplitText {
    struct Part {
        /// Where the text is; empty for a token.
        var range: Range<Int>
        /// The id of an added token; nil for plain text.
        var token: Int32?
        /// How many of its leading bytes stand for the first character of the prompt.
        var firstCount: Int
    }

    private(set) var bytes: [UInt8] = []
    private(set) var parts: [Part] = []

    init() {}

    init(_ text: [UInt8]) {
        bytes = text
        if !text.isEmpty { parts = [Part(range: 0..<text.count, token: nil, firstCount: text.scalar(at: 0).width)] }
    }

    mutating func append(_ text: ArraySlice<UInt8>, firstCount: Int) {
        guard !text.isEmpty else { return }
        let range = bytes.count..<bytes.count + text.count
        parts.append(Part(range: range, token: nil, firstCount: min(max(0, firstCount), text.count)))
        bytes += text
    }

    mutating func append(token: Int32) {
        parts.append(Part(range: bytes.count..<bytes.count, token: token, firstCount: 0))
    }

    /// Rewrites the plain parts: `body` appends what a part becomes.
    func mapParts(_ body: (_ text: [UInt8], Part, _ into: inout SplitText) -> Void) -> SplitText {
        var result = SplitText()
        result.bytes.reserveCapacity(bytes.count)
        for part in parts {
            if let token = part.token {
                result.append(token: token)
            } else {
                body(bytes, part, &result)
            }
        }
        return result
    }
}
