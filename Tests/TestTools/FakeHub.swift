import Crypto
import Foundation
import Synchronization

/// A hub with one repository, and the store that it sends to for large files: two servers, as the real ones are.
package final class FakeHub: Sendable {
    package static let repository = "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"
    package static let commit = String(repeating: "a1", count: 20)

    /// What is answered in place of the truth; nil for the truth.
    ///
    /// Numbers count the requests of a server.
    package typealias Trouble = @Sendable (_ request: ScriptedServer.Request, _ number: Int) -> ScriptedServer.Reply?
    /// The same of the store, for a file that it has.
    package typealias StoreTrouble =
        @Sendable (_ request: ScriptedServer.Request, _ bytes: [UInt8], _ number: Int) -> ScriptedServer.Reply?

    package let files: [String: [UInt8]]
    package let hub: ScriptedServer
    package let store: ScriptedServer

    /// - Parameters:
    ///   - folder: a model; what is in it and `others` is in the repository.
    ///   - listing: changes what is said of it.
    package init(
        _ folder: String, others: [String: [UInt8]] = [:],
        listing: @escaping @Sendable (String) -> String = { $0 },
        atHub: @escaping Trouble = { _, _ in nil }, atStore: @escaping StoreTrouble = { _, _, _ in nil }
    ) throws {
        var found = others
        for path in try FileManager.default.subpathsOfDirectory(atPath: folder) {
            let url = URL(filePath: folder + "/" + path)
            guard try url.resourceValues(forKeys: [.isRegularFileKey]).isRegularFile == true else { continue }
            found[path] = [UInt8](try Data(contentsOf: url))
        }
        let files = found
        self.files = files
        let digests = try files.mapValues { try SHA256.hex($0) }
        let blobs = Dictionary(files.map { (digests[$0.key] ?? "", $0.value) }) { first, _ in first }
        let stored = Counter()
        let store = try ScriptedServer { request in
            let name = request.target.dropFirst().prefix { $0 != "?" }
            guard let bytes = blobs[String(name)] else { return .init(403) }
            return atStore(request, bytes, stored.next()) ?? Self.reply(bytes, request)
        }
        let text = listing(Self.listing(files, digests))
        let asked = Counter()
        hub = try ScriptedServer { request in
            if let reply = atHub(request, asked.next()) { return reply }
            if request.target.hasPrefix("/api/models/\(Self.repository)/revision/") { return .init(200, [:], text) }
            let prefix = "/\(Self.repository)/resolve/\(Self.commit)/"
            guard request.target.hasPrefix(prefix) else { return .init(404, ["X-Error-Code": "EntryNotFound"]) }
            let path = String(request.target.dropFirst(prefix.count))
            guard let bytes = files[path], let digest = digests[path] else { return .init(404) }
            guard Self.isLarge(path) else { return Self.reply(bytes, request) }
            return .init(
                302,
                [
                    "Location": "\(store.url)/\(digest)?signature=x", "X-Linked-Etag": "\"\(digest)\"",
                    "X-Linked-Size": "\(bytes.count)", "X-Repo-Commit": Self.commit,
                ])
        }
        self.store = store
    }

    package static func isLarge(_ path: String) -> Bool { path.hasSuffix(".safetensors") || path.hasSuffix(".bin") }

    /// A file, or the part of it that is asked for.
    package static func reply(_ bytes: [UInt8], _ request: ScriptedServer.Request) -> ScriptedServer.Reply {
        guard let range = range(request, bytes.count) else { return .init(200, [:], body: bytes) }
        guard range.lowerBound < bytes.count else {
            return .init(416, ["Content-Range": "bytes */\(bytes.count)"], body: [])
        }
        let field = "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(bytes.count)"
        return .init(206, ["Content-Range": field], body: Array(bytes[range]))
    }

    /// What a request asks for; nil for everything.
    package static func range(_ request: ScriptedServer.Request, _ count: Int) -> Range<Int>? {
        guard let text = request.headers["range"] else { return nil }
        let ends = text.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
        guard ends.count == 2, ends[0] < count else { return count..<count }
        return ends[0]..<min(ends[1] + 1, count)
    }

    private static func listing(_ files: [String: [UInt8]], _ digests: [String: String]) -> String {
        let siblings = files.keys.sorted().map { path in
            let size = files[path]?.count ?? 0
            let large = "\"lfs\": {\"sha256\": \"\(digests[path] ?? "")\", \"size\": \(size), \"pointerSize\": 134}, "
            return "{\"rfilename\": \"\(path)\", \(isLarge(path) ? large : "")\"size\": \(size), \"blobId\": \"0\"}"
        }
        return "{\"sha\": \"\(commit)\", \"gated\": false, \"siblings\": [\(siblings.joined(separator: ", "))]}"
    }
}

/// Counts from 0.
private final class Counter: Sendable {
    private let count = Mutex(0)

    func next() -> Int {
        count.withLock { count in
            count += 1
            return count - 1
        }
    }
}
