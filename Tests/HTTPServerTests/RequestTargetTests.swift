import TestTools
import Testing

@testable import HTTPServer

/// Paths and queries, decoded in one way only.
@Suite(.bounded) struct RequestTargetTests {
    private func target(_ text: String) throws(RequestTarget.Fault) -> RequestTarget {
        try RequestTarget(Array(text.utf8), maxBytes: 100)
    }

    private func fault(_ text: String) -> RequestTarget.Fault? {
        do throws(RequestTarget.Fault) {
            _ = try target(text)
            return nil
        } catch {
            return error
        }
    }

    @Test func `paths are segments`() throws {
        #expect(try target("/").path == [])
        #expect(try target("/v1/videos").path == ["v1", "videos"])
        #expect(try target("/a%20b/%E7%8C%AB/c+d/%25").path == ["a b", "猫", "c+d", "%"])
        #expect(try target("/.../.x").path == ["...", ".x"])
    }

    @Test func `a slash too many says nothing`() throws {
        for (text, path) in [("//", []), ("//a", ["a"]), ("/a//b", ["a", "b"]), ("/a/", ["a"]), ("/a/?b", ["a"])] {
            #expect(try target(text).path == path, "\(text)")
        }
    }

    @Test func `an absolute target is one`() throws {
        for (text, authority, path) in [
            ("http://localhost:8080/v1/videos?a=b", "localhost:8080", ["v1", "videos"]),
            ("HTTPS://Video.Example", "video.example", []), ("http://[::1]?x", "[::1]", []),
        ] {
            let target = try target(text)
            #expect(target.authority == authority && target.path == path, "\(text)")
        }
        #expect(try target("http://a/b?c=d").query.map(\.value) == ["d"])
        #expect(try target("/http://a").authority == nil)
    }

    @Test func `queries are pairs in order`() throws {
        func pairs(_ text: String) throws -> [String] { try target(text).query.map { "\($0.name)→\($0.value)" } }
        #expect(try pairs("/?") == [])
        #expect(try pairs("/?a=1&b=2&a=3") == ["a→1", "b→2", "a→3"])
        #expect(try pairs("/?a&b=&=c&&d=e=f") == ["a→", "b→", "→c", "d→e=f"])
        #expect(try pairs("/x?q=a+b%2Bc%26%3D%2F&r=/?") == ["q→a b+c&=/", "r→/?"])
    }

    @Test func `what could be read in two ways is refused`() {
        for text in [
            "", "x", "*", "/a b", "/a\tb", "/é", "/a#b", "ftp://a/b", "http:/a", "http://", "http:///a",
            "http://u@a/b", "http:a",
        ] {
            #expect(fault(text) == .malformed, "\(text)")
        }
        for text in [
            "/%", "/%4", "/%zz", "/%00", "/a%2fb", "/a%2Fb", "/%2e%2e", "/..", "/a/./b", "/%ff", "/%C3", "/%0a", "/%7f",
            "/?a=%00", "/?%", "/?a=%ff",
        ] {
            #expect(fault(text) == .badEscape, "\(text)")
        }
        #expect(fault("/" + String(repeating: "a", count: 99)) == nil)
        #expect(fault("/" + String(repeating: "a", count: 100)) == .tooLong)
        let many = (0..<65).map { _ in "a" }.joined(separator: "&")
        #expect(throws: RequestTarget.Fault.tooManyQueryItems) {
            try RequestTarget(Array("/?\(many)".utf8), maxBytes: 1000)
        }
    }
}
