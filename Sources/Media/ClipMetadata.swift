package import VideoTypes

/// What a clip says about how it was made: the prompt as its title, everything as JSON in its comment.
package struct ClipMetadata: Sendable {
    package let title: String
    package let comment: String

    /// Players show the title on one line; the comment keeps the whole prompt.
    private static let titleCharacters = 200

    package init(settings: VideoSettings, model: String, backend: String, dtype: String) {
        let line = settings.prompts.positive.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        title = String(line.withoutControls.prefix(Self.titleCharacters))
        comment =
            JSONText.object(
                [
                    ("generator", .string("wan-infer \(Version.text)")), ("model", .string(model)),
                    ("backend", .string(backend)), ("dtype", .string(dtype)),
                ] + settings.jsonFields
            ).description
    }

    /// The keys that an MP4 keeps.
    var entries: [(String, String)] { [("title", title), ("comment", comment)] }
}

extension String {
    /// Players and terminals obey control characters, and those that turn the direction of writing.
    fileprivate var withoutControls: String {
        var text = ""
        for scalar in unicodeScalars where scalar.properties.generalCategory != .control && !scalar.turnsText {
            text.unicodeScalars.append(scalar)
        }
        return text
    }
}

extension Unicode.Scalar {
    fileprivate var turnsText: Bool { (0x202A...0x202E).contains(value) || (0x2066...0x2069).contains(value) }
}
