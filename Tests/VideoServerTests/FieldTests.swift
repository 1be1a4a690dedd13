import HTTPServer
import StrictJSON
import TestTools
import Testing
import VideoTypes

@testable import VideoServer

/// Bodies to requests.
@Suite(.bounded) struct FieldTests {
    private func request(json: String) throws -> CreateRequest {
        try CreateRequest(JSONBody.fields(Array(json.utf8)))
    }

    private func request(form: [(String, String)]) throws -> CreateRequest {
        let form = Form(form)
        let request = HTTPRequest(
            method: "POST", path: [], headers: HTTPHeaders([("Content-Type", form.type)]), body: form.body)
        return try CreateRequest(RequestBody.fields(of: request))
    }

    private func error(_ body: () throws -> CreateRequest) -> APIError? {
        do {
            _ = try body()
            return nil
        } catch {
            return error as? APIError
        }
    }

    @Test func `a form and JSON say the same`() throws {
        let form = try request(form: [
            ("prompt", "a red circle"), ("seconds", "2.5"), ("size", "96x64"), ("seed", "42"), ("fps", "8"),
            ("num_inference_steps", "4"), ("guidance_scale", "5.0"), ("guidance_scale_2", "3"), ("flow_shift", "1e1"),
            ("negative_prompt", "blue"), ("quality", "draft"), ("priority", "-3"), ("expires_after", "3600"),
            ("max_latency_seconds", "60"), ("max_cost_dollars", "0.5"), ("metadata[a]", "1"), ("metadata[b]", "ü"),
            ("attention", "factorized"), ("guidance_schedule", "dynamic"), ("dry_run", "true"), ("extras[x][y]", "z"),
            ("extras[l][]", "1"), ("extras[l][]", "2"), ("model", "m"),
        ])
        let json = try request(
            json: """
                {"prompt": "a red circle", "seconds": 2.5, "size": "96x64", "seed": 42, "fps": 8,
                 "num_inference_steps": 4, "guidance_scale": 5.0, "guidance_scale_2": 3, "flow_shift": 1e1,
                 "negative_prompt": "blue", "quality": "draft", "priority": -3, "expires_after": 3600,
                 "max_latency_seconds": 60, "max_cost_dollars": 0.5, "metadata": {"a": "1", "b": "ü"},
                 "attention": "factorized", "guidance_schedule": "dynamic", "dry_run": true, "extras": {"x": {"y": "z"}, "l": ["1", "2"]}, "model": "m", "lora": null}
                """)
        var same = json
        same.video.id = form.video.id
        #expect(form == same)
        #expect(form.video.durationSeconds == 2.5 && form.video.width == 96 && form.video.height == 64)
        #expect(form.video.seed == 42 && form.video.steps == 4 && form.video.guidanceScale2 == 3)
        #expect(form.video.attention == .factorized && form.video.guidanceSchedule == .dynamic)
        #expect(form.video.quality == .draft && form.priority == -3 && form.isDryRun)
        #expect(form.metadata == ["a": "1", "b": "ü"] && form.expiresAfterSeconds == 3600)
        #expect(form.video.extras["l"] == ["1", "2"])
        #expect(form.video.maxCostDollars == 0.5 && form.video.maxLatencySeconds == 60)
    }

    @Test func `seconds is a string as in the API, or a number`() throws {
        #expect(try request(json: #"{"prompt": "x", "seconds": "4"}"#).video.durationSeconds == 4)
        #expect(try request(json: #"{"prompt": "x", "seconds": 4.5}"#).video.durationSeconds == 4.5)
        #expect(error { try request(json: #"{"prompt": "x", "fps": "8"}"#) }?.parameter == "fps")
    }

    @Test func `frames stay as they are asked for: what can be made is the model's affair`() throws {
        for count in [1, 2, 48, 80, 4097] {
            #expect(try request(json: "{\"prompt\": \"x\", \"num_frames\": \(count)}").video.frames == count)
        }
    }

    @Test(arguments: [
        ("steps", "num_inference_steps"), ("num_inference_step", "num_inference_steps"), ("promt", "prompt"),
        ("guidence_scale", "guidance_scale"), ("Seed", "seed"), ("duration", "seconds"), ("frames", "num_frames"),
        ("webhok_url", "webhook_url"), ("aspect-ratio", "aspect_ratio"),
        ("aspect", "aspect_ratio"), ("num_steps", "num_inference_steps"),
    ])
    func `an unknown parameter is named with the nearest known one`(name: String, nearest: String) throws {
        let found = try #require(error { try request(json: "{\"prompt\": \"x\", \"\(name)\": 1}") })
        #expect(found.status == 400 && found.code == "unknown_parameter" && found.parameter == name)
        #expect(found.message.contains("did you mean '\(nearest)'?"), "\(found.message)")
    }

    @Test func `what is like nothing is named alone, and clipped`() throws {
        let name = String(repeating: "q", count: 5000)
        let found = try #require(error { try request(json: "{\"prompt\": \"x\", \"\(name)\": 1}") })
        #expect(found.code == "unknown_parameter" && found.message.utf8.count < 150)
        let odd = try #require(error { try request(json: #"{"prompt": "x", "a\u0007\u202eb": 1}"#) })
        #expect(odd.parameter == "a??b")
    }

    @Test(arguments: [
        #""seed": -1"#, #""seed": 1.5"#, #""seed": 1e-3"#, #""seed": 18446744073709551616"#, #""seed": "7 ""#,
        #""seed": 1e400"#, #""seed": 1e99999999999999999999"#, #""num_frames": 5.5"#, #""fps": "8""#,
        #""seed": true"#, #""num_inference_steps": 0"#, #""num_inference_steps": 100000"#, #""guidance_scale": 1e400"#,
        #""guidance_scale": -1"#, #""seconds": 0"#, #""seconds": "１２""#, #""seconds": "NaN""#, #""seconds": "+4""#,
        #""seconds": "0x10""#, #""seconds": " 4""#, #""seconds": "inf""#, #""size": "96""#, #""size": "96X96""#,
        #""size": "0x96""#, #""size": "99999x99999""#, #""size": "-96x96""#, #""size": "９６x96""#, #""size": "96x96x3""#,
        #""fps": 0"#, #""fps": 100000"#, #""num_frames": 1000000000"#, #""quality": "best""#, #""dry_run": 1"#,
        #""priority": 1000"#, #""expires_after": 1"#, #""metadata": "x""#, #""metadata": {"a": 1}"#,
        #""metadata": {"a": {"b": "c"}}"#, #""resolution": "8k!""#, #""aspect_ratio": "0:1""#,
        #""aspect_ratio": "100:1""#, #""lora": "x,:1""#, #""boundary_ratio": 0.5"#, #""width": 96"#,
        #""max_cost_dollars": -1"#, #""extras": 1"#, #""extras": {"a": 1e999}"#, #""prompt": """#,
        #""negative_prompt": "a\u0000b""#,
    ])
    func `a bad value is refused with its parameter`(member: String) throws {
        let prompt = member.hasPrefix("\"prompt\"") ? "" : "\"prompt\": \"x\", "
        let found = try #require(error { try request(json: "{\(prompt)\(member)}") }, "\(member) was taken")
        let name = member.dropFirst().prefix { $0 != "\"" }
        #expect(found.status == 400)
        #expect(found.parameter == String(name) || (name == "width" && found.parameter == "height"))
    }

    @Test func `whole is whole in any guise`() throws {
        for (text, digits) in [
            ("5", "5"), ("5.0", "5"), ("50e-1", "5"), ("0.5e1", "5"), ("5e0", "5"), ("5E+1", "50"), ("0.00", "0"),
            ("-0", "0"), ("-7.000", "-7"), ("9007199254740993.0", "9007199254740993"), ("0e999", "0"),
            ("0.0e-999", "0"), ("120e-1", "12"), ("00", nil), ("5.5", nil), ("5e-1", nil), ("05", nil), ("+5", nil),
            ("5.", nil), (".5", nil), ("1e-400", nil), ("0x5", nil), ("", nil), ("-", nil), ("5 ", nil),
        ] as [(String, String?)] {
            #expect(JSONNumber.whole(text) == digits, "\(text)")
        }
        #expect(try request(json: #"{"prompt": "x", "num_frames": 5.0, "seed": 7.0}"#).video.seed == 7)
        for seed in ["18446744073709551615", "\"9007199254740993\"", "9007199254740993.0"] {
            let plain = seed.filter { $0 != "\"" }.prefix { $0 != "." }
            #expect(try request(json: "{\"prompt\": \"x\", \"seed\": \(seed)}").video.seed == UInt64(plain))
        }
    }

    private func form(_ text: String) throws(APIError) -> CreateRequest {
        let body = Array(text.replacing("\n", with: "\r\n").utf8)
        return try CreateRequest(
            RequestBody.fields(
                of: HTTPRequest(
                    method: "POST", path: [],
                    headers: HTTPHeaders([("Content-Type", "multipart/form-data; boundary=b")]), body: body)))
    }

    @Test(arguments: [
        "Content-Type: text/plain", "Content-Type: text/plain; charset=utf-8", "Content-Type: text/plain;charset=UTF-8",
        "Content-Type: application/json", "Content-Type: application/octet-stream",
        "Content-Transfer-Encoding: 8bit\nContent-Type: text/plain; charset=US-ASCII", "Content-Length: 5",
    ]) func `a text is one whatever type its part has`(_ header: String) throws {
        let made = try form(
            "--b\nContent-Disposition: form-data; name=\"prompt\"\n\(header)\n\na cat\n"
                + "--b\nContent-Disposition: form-data; name=\"seed\"\n\(header)\n\n7\n--b--\n")
        #expect(made.video.prompt == "a cat" && made.video.seed == 7)
    }

    @Test func `a file that nobody chose is none, a picture is a file`() throws {
        let prompt = "--b\nContent-Disposition: form-data; name=\"prompt\"\n\nx\n"
        let field = "--b\nContent-Disposition: form-data; name=\"input_reference\""
        let none = try form(prompt + field + "; filename=\"\"\nContent-Type: application/octet-stream\n\n\n--b--")
        #expect(none.reference == nil)
        let picture = try form(prompt + field + "\nContent-Type: image/png\n\nPNG\n--b--")
        #expect(picture.reference == Array("PNG".utf8))
        let named = try form(prompt + field + "; filename=\"x\"\n\nPNG\n--b--")
        #expect(named.reference == Array("PNG".utf8))
    }

    @Test func `texts are read as their charset says`() throws {
        func body(_ charset: String) -> HTTPRequest {
            let type = "Content-Type: text/plain; charset=\(charset)"
            let head = "--b\r\nContent-Disposition: form-data; name=prompt\r\n\(type)"
            let bytes = Array("\(head)\r\n\r\ncaf".utf8) + [0xE9] + Array("\r\n--b--".utf8)
            return HTTPRequest(
                method: "POST", path: [], headers: HTTPHeaders([("Content-Type", "multipart/form-data; boundary=b")]),
                body: bytes)
        }
        #expect(try CreateRequest(RequestBody.fields(of: body("ISO-8859-1"))).video.prompt == "café")
        for charset in ["utf-8", "utf-16"] {
            let found = error { try CreateRequest(RequestBody.fields(of: body(charset))) }
            #expect(found?.code == "invalid_encoding" && found?.parameter == "prompt")
        }
    }

    @Test func `a form may say once in what its texts are written`() throws {
        func body(_ charset: String) -> HTTPRequest {
            let parts = ["_charset_": charset, "seed": "7"].map { name, text in
                "--b\r\nContent-Disposition: form-data; name=\(name)\r\n\r\n\(text)\r\n"
            }
            let prompt = Array("--b\r\nContent-Disposition: form-data; name=prompt\r\n\r\ncaf".utf8) + [0xE9]
            let bytes = prompt + Array("\r\n\(parts.joined())--b--".utf8)
            return HTTPRequest(
                method: "POST", path: [], headers: HTTPHeaders([("Content-Type", "multipart/form-data; boundary=b")]),
                body: bytes)
        }
        let made = try CreateRequest(RequestBody.fields(of: body("ISO-8859-1")))
        #expect(made.video.prompt == "café" && made.video.seed == 7)
        for charset in ["UTF-8", "utf-16"] {
            let found = error { try CreateRequest(RequestBody.fields(of: body(charset))) }
            #expect(found?.code == "invalid_encoding" && found?.parameter == "prompt")
        }
    }

    @Test func `a compressed body is refused by its kind`() throws {
        let request = HTTPRequest(
            method: "POST", path: [],
            headers: HTTPHeaders([("Content-Type", "application/json"), ("Content-Encoding", "gzip")]),
            body: [0x1F, 0x8B])
        #expect(error { try CreateRequest(RequestBody.fields(of: request)) }?.status == 415)
    }

    @Test func `one field has one representation`() throws {
        for fields in [
            [("prompt", "x"), ("prompt", "y")], [("metadata", "x"), ("metadata[a]", "y")],
            [("metadata[a]", "x"), ("metadata[a]", "y")], [("metadata[a]", "x"), ("metadata[]", "y")],
            [("size", "96x96"), ("width", "96"), ("height", "96")], [("size", "96x96"), ("resolution", "480p")],
            [("size", "96x96"), ("aspect_ratio", "16:9")],
        ] {
            let fields = fields.contains { $0.0 == "prompt" } ? fields : fields + [("prompt", "x")]
            let found = try #require(error { try request(form: fields) }, "\(fields) was taken")
            #expect(found.status == 400 && found.code == "duplicate_parameter" && found.parameter != nil)
        }
        #expect(error { try request(json: #"{"prompt": "x", "prompt": "y"}"#) }?.code == "invalid_json")
        #expect(error { try request(json: #"{"prompt": "x", "e\u0301": 1, "\u00e9": 1}"#) }?.status == 400)
    }

    @Test func `limits hold before work begins`() throws {
        let long = String(repeating: "x", count: 8193)
        #expect(error { try request(json: "{\"prompt\": \"\(long)\"}") }?.code == "string_too_long")
        let pairs = (0..<17).map { "\"k\($0)\": \"v\"" }.joined(separator: ",")
        #expect(error { try request(json: "{\"prompt\": \"x\", \"metadata\": {\(pairs)}}") }?.parameter == "metadata")
        let lists = String(repeating: "[],", count: 1_000_000)
        #expect(error { try request(json: "{\"a\": [\(lists)1]}") }?.code == "too_many_fields")
        let deep = String(repeating: "[", count: 400) + String(repeating: "]", count: 400)
        #expect(error { try request(json: "{\"prompt\": \"x\", \"extras\": {\"a\": \(deep)}}") }?.status == 400)
        #expect(error { try request(form: [("prompt", "x"), ("extras[a][b][c]", "d")]) }?.code == "nested_too_deeply")
        let many = (0..<70).map { ("extras[k\($0)]", "v") }
        #expect(error { try request(form: [("prompt", "x")] + many) }?.status == 400)
    }

    @Test func `names in brackets are read strictly`() {
        #expect(FieldTree.path(of: "a[b][c]") == ["a", "b", "c"])
        #expect(FieldTree.path(of: "a[]") == ["a", ""])
        for name in [
            "", "[a]", "a[", "a]", "a[b", "a[b]c", "a[[b]]", "a[][b]", "a\0", String(repeating: "a", count: 300),
        ] {
            #expect(FieldTree.path(of: name) == nil, "\(name)")
        }
    }

    @Test func `the hash is of what was asked, not of how it was written`() throws {
        let form = Form([("prompt", "x"), ("seed", "42"), ("metadata[a]", "b")])
        let request = HTTPRequest(
            method: "POST", path: [], headers: HTTPHeaders([("Content-Type", form.type)]), body: form.body)
        let first = FieldValue.canonicalBytes(of: try RequestBody.fields(of: request))
        let second = FieldValue.canonicalBytes(
            of: try JSONBody.fields(Array(#"{"metadata": {"a": "b"}, "seed": 42, "prompt": "x"}"#.utf8)))
        #expect(first == second)
        let other = FieldValue.canonicalBytes(
            of: try JSONBody.fields(Array(#"{"metadata": {"ab": ""}, "seed": 42, "prompt": "x"}"#.utf8)))
        #expect(first != other)
    }

    @Test func `nothing is fetched for a picture`() throws {
        for url in [
            "http://127.0.0.1/a.png", "https://example.org/a.png", "file:///etc/passwd", "/etc/passwd", "ftp://x/y",
            "HTTP://169.254.169.254/", "gopher://x", "//x/y", "data:text/html;base64,AAAA", "data:image/svg+xml,<svg/>",
            "data:image/png;base64,%%%%", "data:image/png;base64", "DATA:image/png;base64,AAAA",
        ] {
            for json in ["\"\(url)\"", "{\"image_url\": \"\(url)\"}", "{\"image_url\": {\"url\": \"\(url)\"}}"] {
                let found = error { try request(json: "{\"prompt\": \"x\", \"input_reference\": \(json)}") }
                #expect(found?.status == 400 && found?.parameter == "input_reference", "\(json)")
            }
        }
        let good = try request(json: #"{"prompt": "x", "input_reference": "data:image/png;base64,iVBORw0KGgo="}"#)
        #expect(good.reference == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
        #expect(error { try request(json: #"{"prompt": "x", "input_reference": {"file_id": "a"}}"#) }?.status == 400)
    }

    @Test func `mutated bodies give a request or a refusal, never anything else`() throws {
        let json = Array(
            #"{"prompt":"a","seconds":"4","size":"96x96","seed":42,"metadata":{"a":"b"},"extras":{"x":[1,2]},"fps":8}"#
                .utf8)
        let form = Form([
            ("prompt", "x"), ("seed", "42"), ("metadata[a]", "b"), ("extras[l][]", "1"), ("size", "96x96"),
        ])
        var random = SplitMix(state: 20_261_122)
        var taken = 0
        for round in 0..<6000 {
            var body = round % 2 == 0 ? json : form.body
            for _ in 0...Int(random.next() % 4) { random.mutate(&body) }
            let type = round % 2 == 0 ? "application/json" : form.type
            let request = HTTPRequest(
                method: "POST", path: [], headers: HTTPHeaders([("Content-Type", type)]), body: body)
            do throws(APIError) {
                _ = try CreateRequest(RequestBody.fields(of: request))
                taken += 1
            } catch {
                #expect((400...415).contains(error.status))
                #expect(error.message.utf8.count < 400)
            }
        }
        #expect(taken > 100 && taken < 5700)
    }
}

/// A small generator with a seed.
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        return bits ^ (bits >> 31)
    }

    /// Changes, removes, doubles or inserts a byte, or cuts the rest off.
    mutating func mutate(_ bytes: inout [UInt8]) {
        guard !bytes.isEmpty else { return }
        let place = Int(next() % UInt64(bytes.count))
        switch next() % 6 {
        case 0: bytes[place] = UInt8(truncatingIfNeeded: next())
        case 1: bytes[place] ^= 1 << UInt8(next() % 8)
        case 2: bytes.remove(at: place)
        case 3: bytes.insert(bytes[place], at: place)
        case 4: bytes.insert(Array("{}[]\",:\\0e.-".utf8)[Int(next() % 12)], at: place)
        default: if next() % 8 == 0 { bytes.removeSubrange(place...) }
        }
    }
}
