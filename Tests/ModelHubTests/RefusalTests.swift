import Crypto
import Foundation
import HTTPClient
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import ModelHub

/// Hubs that refuse, lie and lead elsewhere.
@Suite(.bounded) struct RefusalTests {
    private let scene: Scene

    init() throws { scene = try Scene() }

    private func nothingIsThere() throws {
        let names = try scene.names.filter { !$0.hasPrefix(".") && $0.hasSuffix(".safetensors") }
        #expect(names.isEmpty, "\(names)")
    }

    @Test func `a hub that refuses is understood`() throws {
        func failure(_ status: Int, _ headers: [String: String] = [:], token: String? = nil) throws -> VideoError {
            let hub = try FakeHub(Scene.small, atHub: { _, _ in .init(status, headers) })
            let found = try #require(try scene.failure(hub, try scene.settings(hub, token: token)))
            #expect(hub.hub.requests.count == 1, "asked again after \(status)")
            return found.videoError
        }
        let unknown = try failure(401)
        #expect(unknown.code == .fetchFailed && unknown.message.contains("without a token"))
        #expect(unknown.hint?.contains("HF_TOKEN") == true)
        #expect(try failure(401, token: "x").message.contains("with the token there is"))
        let gated = try failure(403, ["X-Error-Code": "GatedRepo"], token: "x")
        #expect(gated.code == .fetchFailed && gated.hint?.contains("accept its terms on http://") == true)
        #expect(gated.hint?.contains(FakeHub.repository) == true)
        #expect(try failure(401, ["X-Error-Code": "GatedRepo"]).hint?.contains("then put a token") == true)
        let missing = try failure(404, ["X-Error-Code": "RepoNotFound"])
        #expect(missing.code == .modelNotFound && missing.message.contains("revision main"))
        #expect(try failure(418).message.contains("answers 418"))
        #expect(try failure(429, ["Retry-After": "3600"]).message.contains("asks to wait 3600 s"))
    }

    @Test(arguments: [429, 500, 503]) func `a hub that is busy is asked again, no sooner than it says`(status: Int)
        throws
    {
        let hub = try FakeHub(
            Scene.small,
            atHub: { _, number in number < 2 ? .init(status, ["Retry-After": "1"]) : nil },
            atStore: { _, _, number in number == 1 ? .init(status) : nil })
        let clock = ContinuousClock()
        let time = try clock.measure { try scene.pull(hub) }
        try scene.expectWhole(hub)
        #expect(time >= .seconds(2))
    }

    @Test func `a hub that stays busy, or breaks off for ever, is given up`() throws {
        let busy = try FakeHub(Scene.small, atHub: { _, _ in .init(503) })
        #expect(try scene.failure(busy)?.videoError.code == .fetchFailed)
        #expect(busy.hub.requests.count == 6)
        let broken = try FakeHub(
            Scene.small, atStore: { _, _, _ in .init(raw: "HTTP/1.1 200 X\r\nContent-Length: 9\r\n\r\n") })
        let failure = try scene.failure(broken)
        #expect(
            failure?.videoError.code == .weightsInvalid || failure?.videoError.code == .fetchFailed, "\(failure as Any)"
        )
        try nothingIsThere()
        let silent = try FakeHub(Scene.small, atStore: { _, _, _ in .init(raw: "") })
        guard case .interrupted(_, _, let attempts) = try scene.failure(silent) else {
            Issue.record("not given up")
            return
        }
        #expect(attempts == 6)
    }

    @Test func `an address that ran out is signed anew`() throws {
        let hub = try FakeHub(Scene.small, atStore: { _, _, number in number == 0 ? .init(403) : nil })
        try scene.pull(hub)
        try scene.expectWhole(hub)
    }

    @Test func `a file that is not what was declared is fetched once more, then refused`() throws {
        func hub(_ isSpoilt: @escaping @Sendable (Int) -> Bool) throws -> FakeHub {
            try FakeHub(
                Scene.small,
                atStore: { request, bytes, number in
                    guard isSpoilt(number) else { return nil }
                    var bytes = bytes
                    for index in bytes.indices { bytes[index] ^= 1 }
                    return FakeHub.reply(bytes, request)
                })
        }
        // Half way, another file lies there; then the old one again.
        let changing = try hub { $0 == 2 }
        try scene.pull(changing)
        try scene.expectWhole(changing)
        try FileManager.default.removeItem(atPath: scene.place)
        let other = try hub { $0 >= 2 }
        guard case .digest(let path, let expected, let found, let who) = try scene.failure(other) else {
            Issue.record("taken")
            return
        }
        #expect(path.hasSuffix(".safetensors") && expected != found && who == "the hub")
        #expect(try scene.names.allSatisfy { $0.hasPrefix(".") || $0 != path })
    }

    @Test func `a file of another size is refused`() throws {
        let shorter = try FakeHub(
            Scene.small, atStore: { request, bytes, _ in FakeHub.reply(Array(bytes.dropLast(5)), request) })
        guard case .size(_, let expected, let found, _) = try scene.failure(shorter) else {
            Issue.record("taken")
            return
        }
        #expect(found == expected - 5)
        let longer = try FakeHub(Scene.small, atStore: { request, bytes, _ in FakeHub.reply(bytes + [1], request) })
        guard case .size = try scene.failure(longer) else {
            Issue.record("taken")
            return
        }
        let gone = try FakeHub(Scene.small, atStore: { _, _, _ in .init(416, ["Content-Range": "bytes */7"]) })
        guard case .size(_, _, 7, _) = try scene.failure(gone) else {
            Issue.record("taken")
            return
        }
        try nothingIsThere()
    }

    @Test func `parts that were not asked for are refused`() throws {
        func problem(_ reply: @escaping @Sendable (Range<Int>, [UInt8]) -> ScriptedServer.Reply) throws -> String {
            let hub = try FakeHub(
                Scene.small,
                atStore: { request, bytes, _ in FakeHub.range(request, bytes.count).map { reply($0, bytes) } })
            guard case .badAnswer(_, let problem) = try scene.failure(hub) else { return "taken" }
            return problem
        }
        func field(_ range: Range<Int>, _ bytes: [UInt8]) -> String {
            "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
        }
        #expect(
            try problem { range, bytes in
                let end =
                    "HTTP/1.1 206 X\r\nContent-Range: bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)\r\n\r\n"
                var reply = ScriptedServer.Reply(raw: end)
                reply.pieces.append(bytes + bytes)
                return reply
            }.contains("more bytes than were asked for"))
        #expect(
            try problem { range, bytes in
                .init(206, ["Content-Range": "bytes 1-\(range.count)/\(bytes.count)"], body: Array(bytes[range]))
            }.contains("bytes from 1 instead of"))
        #expect(
            try problem { range, bytes in .init(206, [:], body: Array(bytes[range])) }.contains("without its place"))
        #expect(
            try problem { range, bytes in
                .init(
                    206,
                    [
                        "Content-Range": "bytes \(range.lowerBound)-\(range.upperBound - 1)/*",
                        "Content-Encoding": "gzip",
                    ],
                    body: Array(bytes[range]))
            }.contains("encoded as gzip"))
        for text in [
            "", "bytes", "bytes 5/6", "bytes 5-4/9", "bytes -1-4/9", "bytes 0-9/9", "items 0-4/9", "bytes 0-4",
        ] {
            #expect(RangeAnswer.parsed(text) == nil, "\(text)")
        }
    }

    @Test func `we are not led to other places`() throws {
        func problem(_ location: String) throws -> String {
            let hub = try FakeHub(
                Scene.small,
                atHub: { request, _ in
                    request.target.hasSuffix(".safetensors") ? .init(302, ["Location": location]) : nil
                })
            guard case .badRedirect(_, let problem) = try scene.failure(hub) else { return "followed" }
            return problem
        }
        for location in [
            "file:///etc/passwd", "ftp://127.0.0.1/x", "http://169.254.169.254/latest", "http://224.0.0.1/",
            "x.safetensors",
            "http://user@127.0.0.1/", "", "http://127.0.0.1\\@evil.test/", "//169.254.169.254/x",
        ] {
            #expect(try problem(location) != "followed", "\(location)")
        }
        let loop = try FakeHub(Scene.small, atHub: { request, _ in .init(302, ["Location": request.target]) })
        guard case .badRedirect = try scene.failure(loop) else {
            Issue.record("walks in a circle")
            return
        }
        #expect(loop.hub.requests.count == 6)
        try nothingIsThere()
    }

    @Test func `a repository that moved is followed, token and all`() throws {
        let hub = try FakeHub(
            Scene.small,
            atHub: { request, _ in
                let old = "/api/models/\(FakeHub.repository)/revision/main?blobs=true"
                return request.target == old ? .init(307, ["Location": "\(old)&moved=1"]) : nil
            })
        try scene.pull(hub)
        try scene.expectWhole(hub)
        #expect(hub.hub.requests.allSatisfy { $0.headers["authorization"] != nil })
    }

    @Test func `names, sizes and digests of strangers`() throws {
        let weights = Scene.weights
        func failure(_ change: @escaping @Sendable (String) -> String) throws -> HubError? {
            let hub = try FakeHub(Scene.small, listing: change)
            return try scene.failure(hub)
        }
        let commit = FakeHub.commit
        for (old, new) in [
            ("\"sha\": \"\(commit)\"", "\"sha\": \"main\""), ("\"sha\": \"\(commit)\"", "\"sha\": \"../../\(commit)\""),
            ("\"siblings\"", "\"files\""), ("\"rfilename\": \"\(weights)\"", "\"name\": \"\(weights)\""),
            ("\"size\": 194500", "\"size\": -1"), ("\"size\": 194500", "\"size\": 1e30"),
            ("\"size\": 194500", "\"size\": 99999999999999999999"), ("\"sha256\": \"", "\"sha256\": \"x"),
            ("\"rfilename\": \"vae/config.json\"", "\"rfilename\": \"\(weights)\""), ("]}", "]"),
        ] {
            let found = try failure { $0.replacing(old, with: new) }
            guard case .badAnswer = found else {
                Issue.record("\(old) -> \(new): \(String(describing: found))")
                continue
            }
        }
        // A name that leads elsewhere is as good as none.
        for name in ["../vae/config.json", "/etc/passwd", "vae/../x", "vae//x", "vae/.x", "vae\\\\x", "a b", "é"] {
            let found = try failure { $0.replacing("\"vae/config.json\"", with: "\"\(name)\"") }
            #expect(found == .fileMissing(repository: FakeHub.repository, path: "vae/config.json"), "\(name)")
        }
        let index = "transformer/diffusion_pytorch_model.safetensors.index.json"
        for shard in ["../../x.safetensors", "/x.safetensors", "x.bin", ".safetensors", "a/b.safetensors", ""] {
            let hub = try FakeHub(
                Scene.small,
                others: [:],
                atHub: { request, _ in
                    guard request.target.hasSuffix(index) else { return nil }
                    var text = Array("{\"weight_map\": {\"a\": \"\(shard)\"}}".utf8)
                    text += [UInt8](repeating: 0x20, count: max(0, 6279 - text.count))
                    return FakeHub.reply(text, request)
                })
            #expect(try scene.failure(hub)?.videoError.code == .weightsInvalid, "\(shard)")
            try FileManager.default.removeItem(atPath: scene.place)
        }
        let huge = try failure { $0.replacing("\"size\": 194500", with: "\"size\": 4000000000000") }
        guard case .diskFull = huge else {
            Issue.record("\(String(describing: huge))")
            return
        }
        try FileManager.default.removeItem(atPath: scene.place)
        let endless = try failure { $0.replacing("\"size\": 593", with: "\"size\": 4000000000000") }
        guard case .badAnswer(_, "vae/config.json has 4000000000000 bytes") = endless else {
            Issue.record("\(String(describing: endless))")
            return
        }
        try nothingIsThere()
    }

    @Test func `listings of any bytes are read or refused`() throws {
        var text = Array(
            "{\"sha\": \"\(FakeHub.commit)\", \"siblings\": [{\"rfilename\": \"a/b.json\", \"size\": 7}]}".utf8)
        #expect(try HubListing(text).files["a/b.json"]?.bytes == 7)
        var random = SplitMix(state: 7)
        func number(below limit: Int) -> Int { Int(random.next() % UInt64(max(limit, 1))) }
        let sound = text
        for _ in 0..<3000 {
            text = sound
            for _ in 0...number(below: 4) { text[number(below: text.count)] = UInt8(number(below: 256)) }
            if number(below: 2) == 0 { text.removeLast(number(below: text.count)) }
            do throws(ListingError) {
                let listing = try HubListing(text)
                #expect(listing.files.keys.allSatisfy(HubPath.isSafe))
            } catch {
                #expect(!error.problem.isEmpty)
            }
        }
    }

    @Test func `what stands in the way is not touched`() throws {
        let hub = try FakeHub(Scene.small)
        let theirs = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: scene.place, withIntermediateDirectories: true)
        try Data("theirs".utf8).write(to: URL(filePath: scene.place + "/notes.txt"))
        guard case .inTheWay = try scene.failure(hub) else {
            Issue.record("a foreign folder was used")
            return
        }
        #expect(try scene.names == ["notes.txt"])
        try FileManager.default.removeItem(atPath: scene.place + "/notes.txt")
        // A link where a folder of ours would be.
        try scene.pull(hub)
        try FileManager.default.removeItem(atPath: scene.place + "/vae")
        try FileManager.default.createSymbolicLink(atPath: scene.place + "/vae", withDestinationPath: theirs.path)
        guard case .inTheWay = try scene.failure(hub) else {
            Issue.record("a link was followed")
            return
        }
        #expect(try theirs.names.isEmpty)
    }

    @Test func `no hub is asked where the environment forbids it`() throws {
        let hub = try FakeHub(Scene.small)
        var settings = try scene.settings(hub)
        settings.offlineVariable = "HF_HUB_OFFLINE"
        #expect(try scene.failure(hub, settings) == .offline(variable: "HF_HUB_OFFLINE"))
        #expect(hub.hub.requests.isEmpty)
    }
}
