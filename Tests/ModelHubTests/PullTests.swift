import Crypto
import Files
import Foundation
import HTTPClient
import Synchronization
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import ModelHub

@Suite(.bounded) struct PullTests {
    private let scene: Scene

    init() throws { scene = try Scene() }

    @Test func `a model comes whole, in what the engine reads and nothing else`() throws {
        let hub = try FakeHub(Scene.small, others: Scene.others)
        var seen: [PullProgress] = []
        let model = try scene.pull(hub) { progress in
            seen.append(progress)
            return true
        }
        try scene.expectWhole(hub)
        #expect(model.folder == scene.place && model.record.isWhole && model.record.commit == FakeHub.commit)
        #expect(model.record.byteCount == model.record.neededBytes)
        #expect(try model.record.files[Scene.weights]?.sha256 == SHA256.hex(hub.files[Scene.weights] ?? []))
        #expect(seen.first?.stage == .list && seen.last?.doneBytes == seen.last?.totalBytes)
        // Several segments of a file, over several connections.
        let ranges = hub.store.requests.compactMap { $0.headers["range"] }
        #expect(ranges.contains { $0.hasPrefix("bytes=20000-") } && ranges.count > 5)
        #expect(hub.store.connectionCount >= 4)
        // Once more asks what there is, and fetches nothing.
        let before = hub.hub.requests.count
        try scene.pull(hub)
        #expect(hub.hub.requests.count == before + 1)
    }

    @Test func `the token goes to the hub and to nobody else`() throws {
        let hub = try FakeHub(Scene.small)
        try scene.pull(hub)
        #expect(hub.hub.requests.allSatisfy { $0.headers["authorization"] == "Bearer hf_secret" })
        #expect(!hub.store.requests.isEmpty && hub.store.requests.allSatisfy { $0.headers["authorization"] == nil })
    }

    /// What a store may do to an answer.
    enum Break: String, CaseIterable, Sendable {
        case stalls
        case breaksOff
        case saysLess
        case saysMore

        func reply(_ bytes: ArraySlice<UInt8>, _ head: String) -> ScriptedServer.Reply {
            let length = self == .saysLess ? 9000 : self == .saysMore ? 999_999 : bytes.count
            var reply = ScriptedServer.Reply(raw: "\(head)Content-Length: \(length)\r\n\r\n")
            reply.pieces.append(Array(bytes.prefix(9000)))
            if self == .stalls {
                // A piece of nothing is a wait. libcurl looks at the last seconds together.
                let silence = [[UInt8]](repeating: [], count: 20)
                reply.pieces = [reply.pieces[0] + reply.pieces[1]] + silence + [Array(bytes.dropFirst(9000))]
                reply.pause = 0.8
            }
            return reply
        }
    }

    @Test(arguments: Break.allCases) func `what broke is gone on with where it ended`(kind: Break) throws {
        let hub = try FakeHub(
            Scene.small,
            atStore: { request, bytes, number in
                guard number < 2, let range = FakeHub.range(request, bytes.count), range.count > 9000 else {
                    return nil
                }
                let place = "\(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
                return kind.reply(bytes[range], "HTTP/1.1 206 X\r\nContent-Range: bytes \(place)\r\n")
            })
        var settings = try scene.settings(hub)
        // The first two calls are parts of the largest file.
        settings.connections = 2
        settings.segmentBytes = 15_000
        if kind == .stalls { settings.idleSeconds = 1 }
        try scene.pull(hub, settings)
        try scene.expectWhole(hub)
        let starts = hub.store.requests.compactMap { FakeHub.range($0, 1 << 30)?.lowerBound }
        #expect(starts.contains { $0 % 15_000 == 9000 }, "\(starts)")
    }

    @Test func `a server that ignores ranges gives the same bytes`() throws {
        let hub = try FakeHub(Scene.small, atStore: { _, bytes, _ in .init(200, [:], body: bytes) })
        try scene.pull(hub)
        try scene.expectWhole(hub)
    }

    @Test func `a pull that was stopped goes on, also in another process`() throws {
        let hub = try FakeHub(
            Scene.small,
            atStore: { request, bytes, _ in
                guard let range = FakeHub.range(request, bytes.count) else { return nil }
                let place = "\(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
                var reply = ScriptedServer.Reply(
                    raw: "HTTP/1.1 206 X\r\nContent-Range: bytes \(place)\r\nContent-Length: \(range.count)\r\n\r\n")
                let part = Array(bytes[range])
                reply.pieces += stride(from: 0, to: part.count, by: 2000).map {
                    Array(part[$0..<min($0 + 2000, part.count)])
                }
                reply.pause = 0.02
                return reply
            })
        let settings = try scene.settings(hub)
        #expect(throws: HubError.cancelled) {
            try scene.pull(hub, settings) { $0.totalBytes == 0 || $0.doneBytes < 120_000 }
        }
        let half = try #require(try ModelShelf(settings).pulled(Scene.model))
        #expect(!half.record.isWhole && half.byteCount >= 100_000 && half.byteCount < half.record.neededBytes)
        #expect(try ModelShelf(settings).find(Scene.model, FakeHub.repository).place?.isHalf == true)
        let before = hub.store.requests.count
        try scene.pull(hub, settings)
        try scene.expectWhole(hub)
        let again = hub.store.requests[before...].compactMap { FakeHub.range($0, 1 << 30)?.count }.reduce(0, +)
        #expect(again < half.record.neededBytes - 100_000, "\(again) bytes came again")
    }

    @Test func `a file that no record tells of is looked at, not fetched again`() throws {
        let hub = try FakeHub(Scene.small)
        let model = try scene.pull(hub)
        var record = model.record
        record.files = record.files.filter { $0.key != Scene.weights }
        record.isWhole = false
        try record.write(in: scene.place)
        let before = hub.store.requests.count
        try scene.pull(hub)
        try scene.expectWhole(hub)
        #expect(hub.store.requests.count == before)
    }

    @Test func `what a damaged state says of parts is not believed`() throws {
        let sound = try FakeHub(Scene.small)
        var random = SplitMix(state: 3)
        func number(below limit: Int) -> Int { Int(random.next() % UInt64(max(limit, 1))) }
        for round in 0..<12 {
            let hub = try FakeHub(
                Scene.small, atStore: { _, _, number in number > 8 ? .init(503, ["Retry-After": "999"]) : nil })
            guard case .refused = try scene.failure(hub) else {
                Issue.record("not refused")
                return
            }
            let parts = scene.place + "/.parts"
            for name in try FileManager.default.contentsOfDirectory(atPath: parts) {
                var bytes = [UInt8](try Data(contentsOf: URL(filePath: "\(parts)/\(name)")))
                guard !bytes.isEmpty else { continue }
                // Counters too large, another file's head, a cut, other bytes.
                switch round % 4 {
                case 0: bytes.replaceSubrange((bytes.count - 1)..., with: [UInt8(number(below: 256))])
                case 1: bytes[number(below: bytes.count)] ^= 0xFF
                case 2: bytes.removeLast(number(below: bytes.count))
                default: bytes += [1, 2, 3]
                }
                try Data(bytes).write(to: URL(filePath: "\(parts)/\(name)"))
            }
            try scene.pull(sound)
            try scene.expectWhole(sound)
            try FileManager.default.removeItem(atPath: scene.place)
        }
    }

    @Test func `two pulls of a model at once are one too many`() throws {
        let isAsked = Mutex(false)
        let mayGoOn = Mutex(false)
        let hub = try FakeHub(
            Scene.small,
            atStore: { _, bytes, _ in
                isAsked.withLock { $0 = true }
                _ = eventually { mayGoOn.withLock { $0 } }
                return ScriptedServer.Reply(200, [:], body: bytes)
            })
        let (scene, settings) = (scene, try scene.settings(hub))
        let first = Mutex<Bool?>(nil)
        Thread.detachNewThread {
            let isWhole = (try? ModelPull(Scene.order(), settings).run { _ in true }.record.isWhole) ?? false
            first.withLock { $0 = isWhole }
        }
        #expect(eventually { isAsked.withLock { $0 } })
        #expect(try scene.failure(hub, settings) == .locked(folder: scene.place))
        mayGoOn.withLock { $0 = true }
        #expect(eventually { first.withLock { $0 } != nil })
        #expect(first.withLock { $0 } == true)
        try scene.expectWhole(hub)
    }

    @Test(.needsSmallDisk)
    func `a disk without room is refused before the weights, and one that fills up keeps what came`()
        throws
    {
        let small = try SmallDisk(kibibytes: 200)
        let hub = try FakeHub(Scene.small)
        let settings = try scene.settings(hub, root: small.folder.file("models"))
        let failure = try #require(try scene.failure(hub, settings))
        guard case .diskFull(_, let needed, let free) = failure else {
            Issue.record("\(failure)")
            return
        }
        #expect(needed > 250_000 && free < 200 << 10 && hub.store.requests.isEmpty)
        #expect(failure.videoError.code == .diskFull)

        let disk = try SmallDisk(kibibytes: 500)
        let isFull = Mutex(false)
        let filling = try FakeHub(
            Scene.small,
            atStore: { _, _, number in
                if number == 3, !isFull.withLock({ $0 }) {
                    try? disk.fill()
                    isFull.withLock { $0 = true }
                }
                return nil
            })
        let onDisk = try scene.settings(filling, root: disk.folder.file("models"))
        let late = try #require(try scene.failure(filling, onDisk))
        #expect(late.videoError.code == .diskFull, "\(late)")
        try FileManager.default.removeItem(atPath: disk.folder.file("filling"))
        let model = try ModelPull(Scene.order(), onDisk).run { _ in true }
        #expect(model.record.isWhole)
    }
}

extension ModelShelf.Place {
    var isHalf: Bool { if case .half = self { true } else { false } }
}
