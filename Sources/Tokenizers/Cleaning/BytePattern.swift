/// Alternatives of fixed length over classes of bytes.
struct BytePattern: Sendable {
    private let alternatives: [[[Bool]]]

    /// - Parameter text: alternatives separated by `|`, bytes by `,`, each a list of hexadecimal ranges.
    init(_ text: String) {
        alternatives = text.split(separator: "|").map { alternative in
            alternative.split(separator: ",").map { ranges in
                var members = [Bool](repeating: false, count: 256)
                for byte in numbers(ranges, radix: 16) { members[byte] = true }
                return members
            }
        }
    }

    /// Replaces each match, the first alternative that fits; nil if there is none.
    func replacing(in bytes: [UInt8], _ replacement: (ArraySlice<UInt8>) -> [UInt8]) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var hasMatch = false
        var start = 0
        while start < bytes.count {
            if let end = matchEnd(bytes, start) {
                result += replacement(bytes[start..<end])
                hasMatch = true
                start = end
            } else {
                result.append(bytes[start])
                start += 1
            }
        }
        return hasMatch ? result : nil
    }

    private func matchEnd(_ bytes: [UInt8], _ start: Int) -> Int? {
        for alternative in alternatives where start + alternative.count <= bytes.count {
            if alternative.indices.allSatisfy({ alternative[$0][Int(bytes[start + $0])] }) {
                return start + alternative.count
            }
        }
        return nil
    }
}
