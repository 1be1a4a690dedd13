/// What the Wan pipelines do to a prompt before they tokenise it.
///
/// `prompt_clean` of diffusers' `pipeline_wan.py`: ftfy's repairs, HTML references twice, white space.
package enum PromptCleaning {
    /// The prompt as the tokenizer gets it.
    package static func clean(_ prompt: String) -> String {
        var text = TextRepair.repaired(Array(prompt.unicodeScalars))
        text = HTMLReferences.resolved(HTMLReferences.resolved(text))
        return string(collapsed(text))
    }

    /// Each run of white space becomes one space; none stays at the ends.
    private static func collapsed(_ text: [Unicode.Scalar]) -> [Unicode.Scalar] {
        var result: [Unicode.Scalar] = []
        result.reserveCapacity(text.count)
        var hasGap = false
        for scalar in text {
            if isSpace(scalar) {
                hasGap = true
                continue
            }
            if hasGap, !result.isEmpty { result.append(" ") }
            hasGap = false
            result.append(scalar)
        }
        return result
    }

    /// White space as Python has it: that of Unicode and four separators among the control characters.
    private static func isSpace(_ scalar: Unicode.Scalar) -> Bool {
        scalar.properties.isWhitespace || 0x1C...0x1F ~= scalar.value
    }

    static func string(_ text: [Unicode.Scalar]) -> String {
        var scalars = String.UnicodeScalarView()
        scalars.append(contentsOf: text)
        return String(scalars)
    }
}
