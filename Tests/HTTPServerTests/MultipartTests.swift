import HTTPServer
import TestTools
import Testing

/// Forms as clients send them, and as they should not.
@Suite(.bounded) struct MultipartTests {
    private static let type = "multipart/form-data; boundary=abc"

    private static func parts(
        _ text: String, type: String = type, limits: Multipart.Limits = Multipart.Limits()
    ) throws(MultipartError) -> [Multipart.Part] {
        try Multipart(Array(text.utf8), contentType: type, limits: limits).parts
    }

    private static func failure(
        _ text: String, type: String = type, limits: Multipart.Limits = Multipart.Limits()
    ) -> MultipartError? {
        do throws(MultipartError) {
            _ = try parts(text, type: type, limits: limits)
            return nil
        } catch {
            #expect(!error.message.isEmpty)
            return error
        }
    }

    @Test func `the openai client's form is read`() throws {
        let text =
            "--abc\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\na cat é 猫\r\n"
            + "--abc\r\nContent-Disposition: form-data; name=\"nested[l][]\"\r\n\r\n1\r\n"
            + "--abc\r\nContent-Disposition: form-data; name=\"input_reference\"; filename=\"r.png\"\r\n"
            + "Content-Type: image/png\r\n\r\n\r\n\0--ab\r\n--abd\r\n--abc--\r\n"
        let parts = try Self.parts(text)
        #expect(parts.map(\.name) == ["prompt", "nested[l][]", "input_reference"])
        #expect(parts.map(\.filename) == [nil, nil, "r.png"])
        #expect(parts.map(\.mediaType) == [nil, nil, "image/png"])
        #expect(parts.map { String(decoding: $0.bytes, as: UTF8.self) } == ["a cat é 猫", "1", "\r\n\0--ab\r\n--abd"])
    }

    @Test func `a form without parts is one`() throws {
        #expect(try Self.parts("--abc--").isEmpty)
        #expect(try Self.parts("--abc--\r\n").isEmpty)
    }

    @Test func `an empty part is one`() throws {
        let parts = try Self.parts("--abc\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--abc--")
        #expect(parts.map(\.bytes) == [[]])
    }

    @Test func `names are taken as they are meant`() throws {
        for (written, name, filename) in [
            ("name=\"a\"", "a", nil), ("name=a", "a", nil), ("NAME=\"A\"", "A", nil), ("name=\"a;b=c\"", "a;b=c", nil),
            ("name=\"a%22b\"", "a%22b", nil), ("name=\"a\\\"b\"", "a\"b", nil),
            ("name=\"a\"; filename=\"C:\\x.png\"", "a", "C:\\x.png"),
            ("filename=\"../../etc/passwd\"; name=\"a\"", "a", "../../etc/passwd"), ("name=\"a\";", "a", nil),
            ("name=\"a\"; filename=\"\"", "a", ""),
        ] as [(String, String, String?)] {
            let parts = try Self.parts("--abc\r\nContent-Disposition: form-data; \(written)\r\n\r\nx\r\n--abc--")
            #expect(parts.map(\.name) == [name], "\(written)")
            #expect(parts.map(\.filename) == [filename], "\(written)")
        }
    }

    @Test func `the boundary may be quoted, and must be one`() throws {
        for type in [
            "multipart/form-data; boundary=\"abc\"", "Multipart/Form-Data;BOUNDARY=abc",
            "multipart/form-data; charset=utf-8; boundary=abc",
        ] {
            #expect(Self.failure("--abc--", type: type) == nil)
        }
        for type in [
            "", "application/json", "multipart/form-data", "multipart/form-data; boundary=",
            "multipart/form-data; boundary=\"", "multipart/form-data; boundary=\"abc", "multipart/mixed; boundary=abc",
            "multipart/form-data; boundary=abc; boundary=abc", "multipart/form-data; boundary=a b",
            "multipart/form-data; boundary=\"a \"",
            "multipart/form-data; boundary=\(String(repeating: "a", count: 71))",
            "multipart/form-data; boundary=é", "multipart/form-data boundary=abc",
        ] {
            #expect(Self.failure("--abc--", type: type) == .badContentType, "\(type)")
        }
    }

    @Test func `what RFC 2046 allows around the parts is passed over`() throws {
        let part = "Content-Disposition: form-data; name=a\r\n\r\nx\r\n"
        for text in [
            "This is a multi-part message.\r\n--abc\r\n\(part)--abc--", "\r\n--abc\r\n\(part)--abc--",
            "--ab\r\nno boundary: --abc\r\n--abc\r\n\(part)--abc--\r\nepilogue\r\n--abc\r\n",
            "--abc \t\r\n\(part)--abc-- \t\r\n\r\n", "--abc\r\n\(part)--abc \r\n\(part)--abc-- ",
        ] {
            #expect(try Self.parts(text).first?.bytes == [UInt8(ascii: "x")], "\(text.debugDescription)")
        }
        let type = "multipart/form-data; boundary=\"a (b)?\""
        #expect(try Self.parts("--a (b)?\r\n\(part)--a (b)?--", type: type).count == 1)
    }

    @Test func `a part says what kind of text it is`() throws {
        let parts = try Self.parts(
            "--abc\r\nContent-Disposition: form-data; name=a\r\nContent-Type: text/plain; charset=UTF-8\r\n"
                + "Content-Length: 1\r\n\r\nx\r\n--abc\r\ncontent-type: text/plain\r\n"
                + "content-disposition: form-data; name=\"b\"; filename*=utf-8''%e2%82%ac.png\r\n\r\ny\r\n--abc--")
        #expect(parts.map(\.charset) == ["utf-8", nil] && parts.map(\.mediaType) == ["text/plain", "text/plain"])
        #expect(parts.map(\.filename) == [nil, "utf-8''%e2%82%ac.png"])
    }

    @Test func `what is malformed is an error`() {
        let head = "--abc\r\nContent-Disposition: form-data; name=\"a\"\r\n"
        for (text, error) in [
            ("", .badDelimiter), ("abc", .badDelimiter), ("preamble\n--abc--", .badDelimiter),
            ("--abc", .unterminated), ("--abc-", .unterminated), ("--abcd--", .badDelimiter),
            ("--abc\n", .unterminated),
            ("--abc --", .badDelimiter), ("--abc--x", .badDelimiter), ("--abc-- x", .badDelimiter),
            ("--abc\r\n", .unterminated), ("--abc\r\n\r\n", .unterminated), (head, .unterminated),
            (head + "\r\nx", .unterminated), (head + "\r\nx\n--abc--", .unterminated),
            (head + "\r\nx\r\n--abc", .unterminated), (head + "\r\n--abc--", .unterminated),
            ("--abc\r\n\r\n\r\n--abc--", .nameMissing), ("--abc\r\nX: y\r\n\r\n\r\n--abc--", .nameMissing),
            ("--abc\r\nContent-Disposition: form-data\r\n\r\n\r\n--abc--", .nameMissing),
            ("--abc\r\nContent-Disposition: form-data; name=\"\"\r\n\r\n\r\n--abc--", .nameMissing),
            ("--abc\r\nContent-Disposition: attachment; name=\"a\"\r\n\r\n\r\n--abc--", .badHeader),
            ("--abc\r\nContent-Disposition: form-data; name=\"a\r\n\r\n\r\n--abc--", .badHeader),
            ("--abc\r\nContent-Disposition: form-data; name=\"a\"; name=\"b\"\r\n\r\n\r\n--abc--", .badHeader),
            (head + "Content-Disposition: form-data; name=\"b\"\r\n\r\n\r\n--abc--", .badHeader),
            (head + " folded\r\n\r\n\r\n--abc--", .badHeader), (head + "no colon\r\n\r\n\r\n--abc--", .badHeader),
            (head + "X: a\0b\r\n\r\n\r\n--abc--", .badHeader), (head + "X: a\rb\r\n\r\n\r\n--abc--", .badHeader),
            (head + "Content-Type: \"\r\n\r\n\r\n--abc--", nil),
            (head + "Content-Type: ;\r\n\r\n\r\n--abc--", .badHeader),
            (head + "Content-Transfer-Encoding: base64\r\n\r\n\r\n--abc--", .badHeader),
            (head + "Content-Transfer-Encoding: binary\r\n\r\n\r\n--abc--", nil),
        ] as [(String, MultipartError?)] {
            #expect(Self.failure(text) == error, "\(text.debugDescription)")
        }
    }

    @Test func `every limit is one`() throws {
        func form(_ parts: Int, name: String = "a", header: String = "") -> String {
            let part = "--abc\r\nContent-Disposition: form-data; name=\"\(name)\"\r\n\(header)\r\nx\r\n"
            return String(repeating: part, count: parts) + "--abc--"
        }
        var limits = Multipart.Limits()
        limits.maxParts = 3
        limits.maxNameBytes = 5
        limits.maxHeaderBytes = 100
        limits.maxBytes = 500
        #expect(try Self.parts(form(3, name: "abcde"), limits: limits).count == 3)
        #expect(Self.failure(form(4), limits: limits) == .tooManyParts(limit: 3))
        #expect(Self.failure(form(1, name: "abcdef"), limits: limits) == .nameTooLong(limit: 5))
        #expect(Self.failure(form(1, name: "ééé"), limits: limits) == .nameTooLong(limit: 5))
        let long = "X: " + String(repeating: "y", count: 100) + "\r\n"
        #expect(Self.failure(form(1, header: long), limits: limits) == .headerTooLong(limit: 100))
        let many = String(repeating: "X: y\r\n", count: 20)
        #expect(Self.failure(form(1, header: many), limits: limits) == .headerTooLong(limit: 100))
        #expect(Self.failure(form(3) + String(repeating: "z", count: 500), limits: limits) == .tooManyBytes(limit: 500))
    }

    @Test func `a long body full of beginnings is read in one pass`() throws {
        let body = String(repeating: "\r\n--ab", count: 200_000)
        let text = "--abc\r\nContent-Disposition: form-data; name=a\r\n\r\n\(body)\r\n--abc--"
        #expect(try Self.parts(text).first?.bytes.count == 1_200_000)
    }
}
