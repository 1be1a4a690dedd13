/// How long files, functions and lines may be.
enum SizeRule {
    static let swiftFileLines = 500
    static let cFileLines = 800
    static let functionLines = 60
    static let columns = 120

    static func violations(in file: SourceFile) -> [String] {
        let isSwift = file.path.hasSuffix(".swift")
        let limit = isSwift ? swiftFileLines : cFileLines
        var found: [String] = []
        // A final line end makes an empty last piece.
        let count = file.lines.count - (file.text.hasSuffix("\n") ? 1 : 0)
        if count > limit { found.append("\(file.path): \(count) lines, the limit is \(limit)") }
        for (index, line) in file.lines.enumerated() where line.count > columns && !isData(line) {
            found.append("\(file.path):\(index + 1): \(line.count) columns, the limit is \(columns)")
        }
        return isSwift ? found + longFunctions(in: file) : found
    }

    /// A row of a table of texts cannot be broken.
    private static func isData(_ line: Substring) -> Bool { line.contains("\"") }

    /// The formatter puts a function's closing brace in the column where its first line begins.
    private static func longFunctions(in file: SourceFile) -> [String] {
        let lines = file.lines
        return lines.indices.compactMap { start in
            let indent = lines[start].prefix { $0 == " " }
            let words = lines[start].split(whereSeparator: { !$0.isLetter })
            let keywords: Set<Substring> = ["func", "init", "deinit", "subscript"]
            let modifiers: Set<Substring> = [
                "package", "public", "private", "fileprivate", "internal", "static", "final", "override", "mutating",
                "consuming", "borrowing", "convenience", "required", "unsafe", "discardableResult", "inline", "class",
            ]
            guard let keyword = words.first(where: { !modifiers.contains($0) }), keywords.contains(keyword) else {
                return nil
            }
            guard hasBody(lines[start...], indent) else { return nil }
            guard let end = lines[start...].firstIndex(where: { $0 == indent + "}" }) else { return nil }
            let length = end - start + 1
            guard length > functionLines else { return nil }
            return "\(file.path):\(start + 1): a function of \(length) lines, the limit is \(functionLines)"
        }
    }

    /// Whether the declaration ends in a brace: on its own line, or on the one that closes its parameters.
    private static func hasBody(_ lines: ArraySlice<Substring>, _ indent: Substring) -> Bool {
        guard let first = lines.first else { return false }
        let head = first.hasSuffix("(") ? lines.dropFirst().first { $0.hasPrefix(indent + ")") } : first
        return head?.hasSuffix("{") ?? false
    }
}
