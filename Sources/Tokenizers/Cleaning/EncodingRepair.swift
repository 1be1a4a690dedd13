/// Undoes mojibake: text in UTF-8 that was read in another encoding, perhaps more than once.
enum EncodingRepair {
    static func repaired(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var text = text
        while true {
            let next = repairedOnce(text)
            if next == text { return text }
            text = next
        }
    }

    private static func repairedOnce(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard text.contains(where: { !$0.isASCII }), MojibakeRules.standard.areBroken(in: text) else { return text }
        for page in CodePage.all {
            if let bytes = page.encoded(text), let fixed = decoded(bytes, from: page) { return fixed }
        }
        let runs = MojibakeRules.standard.suspiciousRuns(in: text)
        if !runs.isEmpty {
            let fixed = repairing(runs, in: text)
            if fixed != text { return fixed }
        }
        // Latin-1 that was meant to be Windows-1252, or single controls of that kind.
        if text.contains(where: { 0x80...0x9F ~= $0.value }) { return text.map(CodePage.windows1252.fixingControl) }
        return text
    }

    private static func decoded(_ bytes: [UInt8], from page: CodePage) -> [Unicode.Scalar]? {
        var bytes = bytes
        if page.restoresSpaces, alteredUTF8.replacing(in: bytes, { Array($0) }) != nil {
            bytes = restoringSpaces(bytes)
        }
        if page.isSloppy { bytes = lossyUTF8.replacing(in: bytes) { _ in [0xEF, 0xBF, 0xBD] } ?? bytes }
        return decodedUTF8(bytes)
    }

    /// Repairs each run on its own, if it is broken on its own.
    private static func repairing(_ runs: [Range<Int>], in text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        var start = 0
        for run in runs {
            result += text[start..<run.lowerBound]
            let part = Array(text[run])
            // A shorter part, so that this comes to an end.
            let isBroken = part.count < text.count && MojibakeRules.standard.areBroken(in: part)
            result += isBroken ? repaired(part) : part
            start = run.upperBound
        }
        return result + text[start...]
    }

    /// UTF-8 in which a byte A0 has become a space.
    private static let alteredUTF8 = BytePattern(
        """
        c2 c3 c5 ce d0 d9,20|e2 e3,20,80-84 86-9f a1-bf|e0-e3,80-84 86-9f a1-bf,20|f0,20,80-bf,80-bf|\
        f0,80-bf,20,80-bf|f0,80-bf,80-bf,20
        """)

    /// UTF-8 in which a byte was lost: 1A stands for it, or one `?`.
    private static let lossyUTF8 = BytePattern(
        """
        c2-df,1a|c2-c3,3f|ed,a0-af,1a 3f,ed,b0-bf,1a 3f 80-bf|ed,a0-af,1a 3f 80-bf,ed,b0-bf,1a 3f|\
        e0-ef,1a 3f,1a 80-bf|e0-ef,1a 80-bf,1a 3f|f0-f4,1a 3f,1a 80-bf,1a 80-bf|f0-f4,1a 80-bf,1a 3f,1a 80-bf|\
        f0-f4,1a 80-bf,1a 80-bf,1a 3f|1a
        """)

    private static func restoringSpaces(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        for (index, byte) in bytes.enumerated() {
            result.append(byte)
            // `Ã ` as a word is `à` and a space, unless what follows is the rest of a Portuguese contraction.
            guard byte == 0xC3, index + 1 < bytes.count, bytes[index + 1] == 0x20 else { continue }
            let rest = bytes[(index + 2)...]
            if !contractions.contains(where: { rest.starts(with: $0) }) { result.append(0xA0) }
        }
        return alteredUTF8.replacing(in: result) { $0.map { $0 == 0x20 ? 0xA0 : $0 } } ?? result
    }

    private static let contractions = [" ", "quele", "quela", "quilo", "s "].map { Array($0.utf8) }
}
