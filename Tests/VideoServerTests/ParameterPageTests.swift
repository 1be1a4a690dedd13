import FoundationEssentials
import TestTools
import Testing

@testable import VideoServer

/// A parameter that no page names is found by nobody.
@Suite(.bounded) struct ParameterPageTests {
    private static func missing(in page: String) -> [String] {
        Parameter.all.map(\.name).filter { !page.contains("`\($0)`") }
    }

    @Test func `the page names every parameter`() throws {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let page = try String(contentsOf: root.appending(path: ".github/SERVICE.md"), encoding: .utf8)
        #expect(Self.missing(in: page) == [])
        #expect(Self.missing(in: page.replacing("`generate_sound`", with: "")) == ["generate_sound"])
    }
}
