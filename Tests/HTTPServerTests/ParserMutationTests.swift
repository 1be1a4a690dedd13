import TestTools
import Testing

@testable import HTTPServer

/// Thousands of damaged inputs for each parser: a value or a typed error, never a trap.
@Suite(.bounded) struct ParserMutationTests {
    private static let form =
        "--abc\r\nContent-Disposition: form-data; name=\"prompt\"\r\n\r\nhello\r\n--abc\r\nContent-Disposition: "
        + "form-data; name=\"input_reference\"; filename=\"a\"\r\nContent-Type: image/png\r\n\r\nxx\r\n--abc--\r\n"

    @Test func `no damaged form traps`() {
        var mutator = Mutator(
            seed: 1,
            words: [
                "\r\n", "--abc", "\r\n--abc--", "\r\n\r\n", "\"", "\\", ";", "=", "name=\"", "\0", "é", ":", "--",
                "Content-Disposition", "Content-Type:", "filename=",
            ])
        var kinds: [String: Int] = [:]
        var limits = Multipart.Limits()
        limits.maxParts = 2
        limits.maxNameBytes = 20
        limits.maxHeaderBytes = 120
        for _ in 0..<Mutator.count(20_000) {
            let body = mutator.mutant(of: Self.form)
            let type =
                mutator.pick(["multipart/form-data; boundary=abc", "multipart/form-data; boundary=\"ab\""]) ?? ""
            do throws(MultipartError) {
                let parts = try Multipart(body, contentType: type, limits: limits).parts
                #expect(parts.allSatisfy { !$0.name.isEmpty && $0.name.utf8.count <= 20 })
                kinds["read", default: 0] += 1
            } catch {
                kinds["\(error)", default: 0] += 1
            }
        }
        // The damage is neither so light nor so heavy that only one way is walked.
        #expect(kinds.count >= 7, "\(kinds)")
    }

    @Test func `no damaged header value traps`() {
        var mutator = Mutator(
            seed: 2, words: ["\"", "\\", "\\\"", ";", "; ", "=", "boundary=", "\t", "\u{7F}", "é", "*"])
        var read = 0
        let count = Mutator.count(20_000)
        for _ in 0..<count {
            let bytes = mutator.mutant(of: "form-data; name=\"a \\\" b\"; filename=x.png; boundary=\"----x\"")
            let value = ParameterisedValue(String(decoding: bytes, as: UTF8.self))
            if let value {
                read += 1
                #expect(!value.value.isEmpty && value.value == value.value.lowercased())
            }
        }
        #expect(read > 0 && read < count)
    }

    @Test func `no damaged target traps, and none hides what it means`() {
        var mutator = Mutator(
            seed: 3,
            words: ["%", "%2f", "%2F", "%00", "%c3%a9", "%ff", "..", "/./", "//", "?", "&", "=", "+", "#", "é", "\0"])
        var kinds: [String: Int] = [:]
        for _ in 0..<Mutator.count(20_000) {
            let bytes = mutator.mutant(of: "/v1/videos/video_01%20x/content?variant=thumbnail&after=a+b%20c&limit=20")
            do throws(RequestTarget.Fault) {
                let target = try RequestTarget(bytes, maxBytes: 200)
                #expect(!target.path.contains { $0.isEmpty || $0 == "." || $0 == ".." || $0.utf8.contains(47) })
                #expect(!target.path.contains { $0.utf8.contains { $0 < 0x20 } })
                #expect(!target.query.contains { $0.name.utf8.contains(0) || $0.value.utf8.contains(0) })
                kinds["read", default: 0] += 1
            } catch {
                kinds["\(error)", default: 0] += 1
            }
        }
        #expect(kinds.count >= 3, "\(kinds)")
    }

    @Test func `no damaged range traps or leaves the file`() {
        var mutator = Mutator(
            seed: 4, words: ["bytes=", "-", ",", "0", "999", "1000", "99999999999999999999", "９", " ", "\"", "W/", "*"])
        var kinds: Set<String> = []
        for count in [0, 1, 1000, Int.max] {
            for _ in 0..<Mutator.count(20_000) / 4 {
                let range = String(decoding: mutator.mutant(of: "bytes=100-999"), as: UTF8.self)
                let tag = String(decoding: mutator.mutant(of: "\"tag\", W/\"other\""), as: UTF8.self)
                let headers = HTTPHeaders(
                    [("Range", range)] + (tag.utf8.count % 2 == 0 ? [("If-None-Match", tag)] : []))
                let selection = FileSelection(method: "GET", headers: headers, byteCount: count, entityTag: "tag")
                switch selection {
                case .part(let range):
                    #expect(range.lowerBound >= 0 && range.upperBound < count)
                    kinds.insert("part")
                case .whole: kinds.insert("whole")
                case .unsatisfiable: kinds.insert("unsatisfiable")
                case .notModified: kinds.insert("notModified")
                }
            }
        }
        #expect(kinds.count == 4)
    }

    @Test func `no damaged head traps the gate`() throws {
        var options = HTTPServerOptions()
        options.maxHeaders = 20
        let gate = Gate(options, address: try #require(ListeningSocket.Address("127.0.0.1")))
        var mutator = Mutator(
            seed: 5,
            words: [
                "Host", ": ", "\n", "[", "]", "::1", "localhost", ":80", "Origin: null", "Content-Length", "chunked",
                "-1",
                "99999999999999999999", "Transfer-Encoding", "\0", "é", "Expect: 100-continue",
            ])
        let fields = """
            Host: localhost:8000
            Origin: http://localhost:8000
            Content-Length: 12
            Content-Type: application/json
            """
        var kinds: [String: Int] = [:]
        for _ in 0..<Mutator.count(20_000) {
            let lines = mutator.mutant(of: fields).split(separator: 10).map { line in
                let name = line.prefix { $0 != 58 }
                return (name: Array(name), value: Array(line.dropFirst(name.count + 2)))
            }
            let method = String(decoding: mutator.mutant(of: "POST"), as: UTF8.self)
            let head = Gate.Head(
                method: mutator.pick([method, "POST", "GET"]) ?? "", version: "HTTP/1.1", target: Array("/v1".utf8),
                fields: lines, headerBytes: 100)
            do throws(GateRefusal) {
                let (request, body) = try gate.check(head, id: "")
                #expect(request.headers["Host"] != nil)
                if case .known(let count) = body { #expect((1...options.maxBodyBytes).contains(count)) }
                kinds["passed", default: 0] += 1
            } catch {
                #expect((400..<500).contains(error.status))
                kinds[error.message, default: 0] += 1
            }
        }
        #expect(kinds.count >= 7, "\(kinds)")
    }
}
