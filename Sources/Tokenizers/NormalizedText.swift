/// A text on its way through the normaliser.
struct NormalizedText {
    private(set) var bytes: [UInt8]
    /// How many of its leading bytes stand for the first character of the prompt.
    private(set) var firstCount: Int

    init(_ bytes: [UInt8], firstCount: Int) {
        self.bytes = bytes
        self.firstCount = min(firstCount, bytes.count)
    }

    /// Replaces each scalar.
    mutating func map(_ transform: (Unicode.Scalar) -> [UInt8]) {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var mappedFirst = 0
        var index = 0
        while index < bytes.count {
            let (scalar, width) = bytes.scalar(at: index)
            result += transform(scalar)
            if index < firstCount { mappedFirst = result.count }
            index += width
        }
        (bytes, firstCount) = (result, mappedFirst)
    }

    mutating func prepend(_ prefix: [UInt8]) {
        guard !bytes.isEmpty else { return }
        bytes.insert(contentsOf: prefix, at: 0)
        if firstCount > 0 { firstCount += prefix.count }
    }

    mutating func strip(left: Bool, right: Bool) {
        let scalars = String(decoding: bytes, as: UTF8.self).unicodeScalars
        let start = left ? scalars.firstIndex { !$0.properties.isWhitespace } ?? scalars.endIndex : scalars.startIndex
        var end = scalars.endIndex
        while right, end > start, scalars[scalars.index(before: end)].properties.isWhitespace {
            end = scalars.index(before: end)
        }
        let kept = Array(String(scalars[start..<end]).utf8)
        let removed = String(scalars[..<start]).utf8.count
        self = NormalizedText(kept, firstCount: max(0, firstCount - removed))
    }
}
