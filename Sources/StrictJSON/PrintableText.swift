extension String {
    /// At most 120 characters, control characters escaped: fit for a line of a terminal.
    package var printable: String { printable(upTo: 120) }

    /// The same of so many characters at most.
    package func printable(upTo limit: Int) -> String {
        var text = ""
        for scalar in unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > limit ? text + "…" : text
    }
}
