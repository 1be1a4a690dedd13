import FoundationEssentials
import Glibc
import TestSupport
import TestTools
import Testing

/// Whether the page's examples of the library are programs.
@Suite(.bounded) struct LibraryExampleTests {
    private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    private static func page() throws -> String {
        try String(contentsOf: root.appending(path: ".github/LIBRARY.md"), encoding: .utf8)
    }

    /// The first block of Swift after the heading.
    private static func example(in document: String, under name: String = "As a library") -> String? {
        guard let heading = document.firstRange(of: "\n## \(name)\n"),
            let start = document[heading.upperBound...].firstRange(of: "\n```swift\n"),
            let end = document[start.upperBound...].firstRange(of: "\n```\n")
        else { return nil }
        return String(document[start.upperBound..<end.lowerBound])
    }

    /// The folder that this test was built into.
    private static func buildFolder() throws -> URL {
        let path = try #require(CommandLine.arguments.first { $0.contains(".xctest") } ?? CommandLine.arguments.first)
        var folder = URL(filePath: path).deletingLastPathComponent()
        while !FileManager.default.fileExists(atPath: folder.appending(path: "Modules").path), folder.path != "/" {
            folder = folder.deletingLastPathComponent()
        }
        return folder
    }

    /// What the compiler has to say about a program that uses the library.
    private static func check(_ text: String) throws -> Subprocess {
        let build = try buildFolder()
        let folder = try TemporaryFolder()
        try text.write(to: URL(filePath: folder.file("main.swift")), atomically: true, encoding: .utf8)
        // The build makes a map for each of our C modules.
        let maps = try FileManager.default.contentsOfDirectory(atPath: build.path).sorted()
            .map { build.appending(path: "\($0)/module.modulemap").path }
            .filter { FileManager.default.fileExists(atPath: $0) }
        let arguments = maps.flatMap { ["-Xcc", "-fmodule-map-file=\($0)"] }
        return try Subprocess(
            "/usr/bin/env",
            ["swiftc", "-typecheck", "-swift-version", "6", "-I", build.appending(path: "Modules").path] + arguments
                + ["-module-cache-path", folder.file("cache"), folder.file("main.swift")])
    }

    @Test func `the page's example compiles, and a mistake in it would show`() throws {
        let page = try Self.page()
        let example = try #require(Self.example(in: page), "no example under 'As a library'")
        #expect(example.split(separator: "\n").count == 10)
        #expect(example.hasPrefix("import VideoProvider\n"))
        let sound = try Self.check(example)
        #expect(sound.status == 0, "\(sound.errors)")
        let spoilt = try Self.check(example.replacing("generate(", with: "generated("))
        #expect(spoilt.status != 0)
        #expect(spoilt.errors.contains("has no member 'generated'"), "\(spoilt.errors)")
    }

    @Test func `the page's example of the router compiles`() throws {
        let page = try Self.page()
        let example = try #require(Self.example(in: page, under: "Routing between providers"))
        #expect(example.contains("import VideoRouter\n"))
        let sound = try Self.check(example)
        #expect(sound.status == 0, "\(sound.errors)")
        let spoilt = try Self.check(example.replacing("explain(", with: "explained("))
        #expect(spoilt.status != 0)
    }

    /// The clone is called by a name of nobody's choice, as clones are.
    @Test func `the page's package finds the library, whatever the clone is called`() throws {
        let page = try Self.page()
        let start = try #require(page.firstRange(of: "```swift\n// swift-tools-version"))
        let end = try #require(page[start.upperBound...].firstRange(of: "\n```\n"))
        let package = "// swift-tools-version" + page[start.upperBound..<end.lowerBound]
        let folder = try TemporaryFolder()
        let clone = folder.file("a clone")
        try FileManager.default.createSymbolicLink(atPath: clone, withDestinationPath: Self.root.path)
        let sources = folder.file("app/Sources/films")
        try FileManager.default.createDirectory(atPath: sources, withIntermediateDirectories: true)
        try "print(1)".write(to: URL(filePath: sources + "/main.swift"), atomically: true, encoding: .utf8)
        func resolve(_ text: String) throws -> Subprocess {
            let manifest = URL(filePath: folder.file("app/Package.swift"))
            try text.write(to: manifest, atomically: true, encoding: .utf8)
            return try Subprocess(
                "/usr/bin/env", ["swift", "package", "--package-path", folder.file("app"), "show-dependencies"])
        }
        let sound = try resolve(package.replacing("../wan-infer", with: "../a clone"))
        #expect(sound.status == 0, "\(sound.errors)")
        let spoilt = try resolve(
            package.replacing("../wan-infer", with: "../a clone").replacing("name: \"wan-infer\", path", with: "path"))
        #expect(spoilt.status != 0 && spoilt.errors.contains("unknown package 'wan-infer'"), "\(spoilt.errors)")
    }

    @Test func `a document without the example is noticed`() {
        #expect(Self.example(in: "# x\n## As a library\n\n```swift\nlet a = 1\n```\n") == "let a = 1")
        #expect(Self.example(in: "# x\n## Library\n\n```swift\nlet a = 1\n```\n") == nil)
    }
}
