extension String {
    /// All of it, what a terminal would take for an order escaped.
    package var withoutControls: String {
        var text = ""
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: text += scalar.escaped
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// At most 120 characters, control characters escaped: fit for a line of a terminal.
    package var printable: String { printable(upTo: 120) }

    /// The same of so many characters at most.
    package func printable(upTo limit: Int) -> String {
        var text = ""
        for scalar in unicodeScalars.prefix(limit) {
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                text += scalar.escaped
            default: text.unicodeScalars.append(scalar)
            }
        }
        return unicodeScalars.count > limit ? text + "…" : text
    }
}

extension Unicode.Scalar {
    fileprivate var escaped: String { "\\u{\(String(value, radix: 16))}" }
}
