extension String {
    /// At most 120 characters, control characters escaped: fit for a line of a terminal.
    package var printable: String {
        var text = ""
        for scalar in unicodeScalars.prefix(120) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                text += "\\u{\(String(scalar.value, radix: 16))}"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > 120 ? text + "…" : text
    }
}
