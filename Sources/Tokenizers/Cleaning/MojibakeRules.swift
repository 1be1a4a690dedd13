/// ftfy's rules about which neighbours give mojibake away.
struct MojibakeRules: Sendable {
    static let standard = MojibakeRules()

    private struct Class: Sendable {
        var hasKind: [Bool]
        var hasWordCharacters = false

        func contains(_ kind: UInt8, _ scalar: Unicode.Scalar) -> Bool {
            hasKind[Int(kind)] || hasWordCharacters && MojibakeRules.isWordCharacter(scalar)
        }
    }

    private struct Rule: Sendable {
        var classes: [Int]
        var isAtStart = false
    }

    /// The kind of each scalar of the first plane; 0 for most.
    private let kinds: [UInt8]
    private let classes: [Class]
    /// For each kind the rules whose first class has it.
    private let rules: [[Rule]]

    private init() {
        var kinds = [UInt8](repeating: 0, count: 0x10000)
        let kindTexts = MojibakeTable.kinds.split(separator: "|")
        for (index, text) in kindTexts.enumerated() {
            for number in numbers(text, radix: 16) { kinds[number] = UInt8(index + 1) }
        }
        classes = MojibakeTable.classes.split(separator: "|").map { text in
            let isNegated = text.first == "!"
            var members = [Bool](repeating: isNegated, count: kindTexts.count + 1)
            for number in numbers(text.dropFirst(), radix: 10) { members[number] = !isNegated }
            return Class(hasKind: members, hasWordCharacters: text.first == "w")
        }
        var rules = [[Rule]](repeating: [], count: kindTexts.count + 1)
        for text in MojibakeTable.rules.split(separator: "|") {
            let words = text.split(separator: " ")
            let rule = Rule(classes: words.compactMap { Int($0) }, isAtStart: words.first == "^")
            for kind in rules.indices where classes[rule.classes[0]].hasKind[kind] { rules[kind].append(rule) }
        }
        self.rules = rules
        self.kinds = kinds
    }

    private func kind(_ scalar: Unicode.Scalar) -> UInt8 {
        scalar.value < 0x10000 ? kinds[Int(scalar.value)] : 0
    }

    private func isMember(_ scalar: Unicode.Scalar, of index: Int) -> Bool {
        classes[index].contains(kind(scalar), scalar)
    }

    /// A letter, a number of any kind or the underscore: Python's `\w`.
    fileprivate static func isWordCharacter(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter: true
        default: scalar == "_" || scalar.properties.numericType != nil
        }
    }

    /// Whether some neighbours in the text are such as mojibake has.
    func areBroken(in text: [Unicode.Scalar]) -> Bool {
        let kinds = text.map(kind)
        for start in text.indices {
            for rule in rules[Int(kinds[start])] {
                guard start + rule.classes.count <= text.count, !rule.isAtStart || start == 0 else { continue }
                let matches = rule.classes.indices.allSatisfy { offset in
                    classes[rule.classes[offset]].contains(kinds[start + offset], text[start + offset])
                }
                if matches { return true }
            }
        }
        return false
    }

    /// The runs of the text that look like UTF-8 read in some single-byte encoding.
    func suspiciousRuns(in text: [Unicode.Scalar]) -> [Range<Int>] {
        var runs: [Range<Int>] = []
        var start = 0
        while start < text.count {
            var end = start
            // After a certain continuation the run would begin in the middle of a garble.
            if start == 0 || !isMember(text[start - 1], of: 4) {
                while let next = sequenceEnd(text, end) { end = next }
            }
            if end > start { runs.append(start..<end) }
            start = max(end, start + 1)
        }
        return runs
    }

    private func sequenceEnd(_ text: [Unicode.Scalar], _ start: Int) -> Int? {
        for length in 2...4 {
            guard start + length <= text.count, isMember(text[start], of: length - 2) else { continue }
            let rest = text[start + 1..<start + length]
            if rest.allSatisfy({ isMember($0, of: 3) }) { return start + length }
        }
        return nil
    }
}

/// The numbers in text such as `9 b-d 1680`.
func numbers(_ text: some StringProtocol, radix: Int) -> [Int] {
    text.split(separator: " ").flatMap { word in
        let ends = word.split(separator: "-").compactMap { Int($0, radix: radix) }
        guard let first = ends.first, let last = ends.last, first <= last else { return [Int]() }
        return Array(first...last)
    }
}
