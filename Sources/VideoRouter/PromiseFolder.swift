import Crypto
import FoundationEssentials
import Glibc
public import VideoTypes

/// Promises kept as files in a folder, one each: not even a power cut loses one.
public actor PromiseFolder: PromiseKeeper {
    private let path: String

    /// Makes the folder where there is none, for the owner alone; the one above it must be there.
    public init(path: String) throws(RouterError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw RouterError(.configuration, "cannot make the folder of promises \(path): error \(errno)")
        }
        self.path = path
    }

    public func keep(_ kept: KeptRequest) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let bytes = try encoder.encode(StoredPromise(kept))
        try DurableFile.write(Array(bytes), to: file(of: kept.request.id), in: path)
    }

    public func all() async throws -> [KeptRequest] {
        var kept: [KeptRequest] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasSuffix(Self.suffix) {
            guard let bytes = try DurableFile.read(path + "/" + name) else { continue }
            // A damaged file is left where it is, for somebody to look at.
            guard let stored = try? JSONDecoder().decode(StoredPromise.self, from: Data(bytes)),
                let request = stored.kept
            else { continue }
            kept.append(request)
        }
        return kept.sorted { ($0.promise.madeAt, $0.request.id) < ($1.promise.madeAt, $1.request.id) }
    }

    public func settle(_ id: VideoRequest.ID) async throws {
        try DurableFile.remove(file(of: id), in: path)
    }

    private static let suffix = ".promise"

    /// Ids come from strangers: no part of one becomes part of a path.
    private func file(of id: VideoRequest.ID) throws -> String {
        path + "/" + (try SHA256.hex(Array(id.utf8))) + Self.suffix
    }
}
