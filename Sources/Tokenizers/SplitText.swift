/// A text in parts: those already turned into ids, and those still to be worked on.
struct SplitText {
    struct Part {
        var range: Range<Int>
        /// The id of an added token; nil for plain text.
        var token: Int32?
        /// Whether the first byte stands for the first byte of the prompt.
        var isFirst: Bool
    }

    private(set) var bytes: [UInt8] = []
    private(set) var parts: [Part] = []

    init() {}

    init(_ text: [UInt8]) {
        bytes = text
        if !text.isEmpty { parts = [Part(range: 0..<text.count, token: nil, isFirst: true)] }
    }

    mutating func append(_ text: ArraySlice<UInt8>, token: Int32? = nil, isFirst: Bool) {
        guard !text.isEmpty else { return }
        parts.append(Part(range: bytes.count..<bytes.count + text.count, token: token, isFirst: isFirst))
        bytes += text
    }

    /// Rewrites the plain parts: `body` appends what a part becomes.
    func mapParts(_ body: (_ text: [UInt8], Part, _ into: inout SplitText) -> Void) -> SplitText {
        var result = SplitText()
        result.bytes.reserveCapacity(bytes.count)
        for part in parts {
            if part.token != nil {
                result.append(bytes[part.range], token: part.token, isFirst: part.isFirst)
            } else {
                body(bytes, part, &result)
            }
        }
        return result
    }
}
