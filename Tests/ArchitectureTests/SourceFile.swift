import Foundation

/// A text file of the repository, or a sample that stands for one.
struct SourceFile {
    /// From the repository's root.
    let path: String
    let text: String

    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }

    /// Lines without their comments, numbered from 1; what is said about the code is not the code.
    var code: [(number: Int, line: Substring)] {
        lines.enumerated().map { index, line in
            (index + 1, line.firstRange(of: "//").map { line[..<$0.lowerBound] } ?? line)
        }
    }

    /// The target that the file belongs to: the folder below Sources or Tests.
    var target: String {
        let parts = path.split(separator: "/")
        return parts.count > 2 ? String(parts[1]) : ""
    }

    static let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    init(path: String, text: String) {
        self.path = path
        self.text = text
    }

    init(_ path: String) throws {
        self.path = path
        text = try String(contentsOf: Self.root.appendingPathComponent(path), encoding: .utf8)
    }

    /// Every file below some folders with one of some endings.
    static func all(_ folders: [String], _ endings: [String]) throws -> [SourceFile] {
        var files: [SourceFile] = []
        for folder in folders {
            let paths = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
            while let path = paths?.nextObject() as? String {
                guard endings.contains(where: { path.hasSuffix("." + $0) }), !path.contains("/Fixtures/") else {
                    continue
                }
                files.append(try SourceFile("\(folder)/\(path)"))
            }
        }
        return files
    }
}
