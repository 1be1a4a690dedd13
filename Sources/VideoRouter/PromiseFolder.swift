import Crypto
import Files
import FoundationEssentials
import Glibc
public import VideoTypes

/// Promises kept as files in a folder, one each: not even a power cut loses one.
public actor PromiseFolder: PromiseKeeper {
    private let path: String

    /// Makes the folder where there is none, for the owner alone; the one above it must be there.
    public init(path: String) throws(RouterError) {
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
            throw RouterError(
                .configuration, "cannot make the folder of promises \(path): \(SystemError.text(errno))")
        }
        self.path = path
    }

    /// One that is there, to be looked at; nil where there is none.
    package init?(reading path: String) {
        guard unsafe access(path, F_OK) == 0 else { return nil }
        self.path = path
    }

    public func keep(_ kept: KeptRequest) async throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let bytes = try encoder.encode(StoredPromise(kept))
        try FileBytes.replace(file(of: kept.request.id), with: Array(bytes))
    }

    public func all() async throws -> [KeptRequest] {
        try read().kept.sorted { ($0.promise.madeAt, $0.request.id) < ($1.promise.madeAt, $1.request.id) }
    }

    /// Paths of what is called a promise and is none, or cannot be read: left where it is, for somebody to look at.
    public func damaged() async throws -> [String] { try read().damaged.sorted() }

    private func read() throws -> (kept: [KeptRequest], damaged: [String]) {
        var kept: [KeptRequest] = []
        var damaged: [String] = []
        for name in try FileManager.default.contentsOfDirectory(atPath: path) where name.hasSuffix(Self.suffix) {
            // One bad file among good ones keeps none of them back.
            do {
                guard let bytes = try FileBytes.read(path + "/" + name) else { continue }
                let stored = try JSONDecoder().decode(StoredPromise.self, from: Data(bytes))
                if let request = stored.kept { kept.append(request) } else { damaged.append(path + "/" + name) }
            } catch {
                damaged.append(path + "/" + name)
            }
        }
        return (kept, damaged)
    }

    public func settle(_ id: VideoRequest.ID) async throws {
        try FileBytes.remove(file(of: id))
    }

    private static let suffix = ".promise"

    /// Ids come from strangers: no part of one becomes part of a path.
    private func file(of id: VideoRequest.ID) throws -> String {
        path + "/" + (try SHA256.hex(Array(id.utf8))) + Self.suffix
    }
}
