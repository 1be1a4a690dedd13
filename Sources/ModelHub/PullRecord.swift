import Files
import Glibc
import StrictJSON
package import VideoTypes

/// What was pulled of a model: written beside its files, and believed only where it is one of ours.
package struct PullRecord: Equatable, Sendable {
    package var model: String
    package var repository: String
    /// As it was asked for.
    package var revision: String
    package var commit: String
    package var endpoint: String
    /// Whether all that the engine reads is there.
    package var isWhole = false
    /// All that the engine reads, once that is known.
    package var neededBytes = 0
    /// Those in their places, by their paths in the repository, every digest known.
    package var files: [String: HubFile] = [:]

    static let name = ".wan-infer-pull.json"

    package var byteCount: Int { files.values.reduce(0) { $0 + $1.bytes } }

    /// The record in a folder; nil where there is none.
    static func read(in folder: String) throws(HubError) -> PullRecord? {
        let path = "\(folder)/\(name)"
        let bytes: [UInt8]?
        do throws(FileFailure) {
            bytes = try FileBytes.read(path, limit: 16 << 20)
        } catch {
            if error.number == ENOTDIR { return nil }
            throw .file(path: path, error)
        }
        guard let bytes else { return nil }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(bytes)
        } catch {
            throw .badRecord(path: path, problem: "no JSON at byte \(error.offset)")
        }
        guard let record = PullRecord(value) else {
            throw .badRecord(path: path, problem: "a field is missing or wrong")
        }
        return record
    }

    func write(in folder: String) throws(HubError) {
        let path = "\(folder)/\(Self.name)"
        do throws(FileFailure) {
            try FileBytes.replace(path, with: Array("\(json)\n".utf8), mode: 0o644)
        } catch {
            throw .file(path: path, error)
        }
    }

    package var json: JSONText {
        .object([
            ("version", 1), ("model", .string(model)), ("repository", .string(repository)),
            ("revision", .string(revision)), ("commit", .string(commit)), ("endpoint", .string(endpoint)),
            ("whole", .bool(isWhole)), ("needed_bytes", .integer(neededBytes)),
            (
                "files",
                .object(
                    files.values.sorted { $0.path < $1.path }.map { file in
                        let digest = file.sha256.map(JSONText.string) ?? .null
                        return (file.path, .object([("bytes", .integer(file.bytes)), ("sha256", digest)]))
                    })
            ),
        ])
    }

    private init?(_ value: JSONValue) {
        guard value["version"]?.integer == 1, let model = value["model"]?.string,
            let repository = value["repository"]?.string, HubPath.isRepository(repository),
            let revision = value["revision"]?.string, HubPath.isRevision(revision),
            let commit = value["commit"]?.string, HubPath.isCommit(commit),
            let endpoint = value["endpoint"]?.string, case .bool(let isWhole) = value["whole"],
            let needed = value["needed_bytes"]?.integer, (0...(1 << 60)).contains(needed),
            case .object(let members) = value["files"]
        else { return nil }
        // As many files of that size add up to a number that there is.
        guard members.count <= 1000 else { return nil }
        for (key, entry) in members {
            let path = String(decoding: key, as: UTF8.self)
            guard HubPath.isSafe(path), let bytes = entry["bytes"]?.integer,
                (0...HubListing.maxFileBytes).contains(bytes),
                let digest = entry["sha256"]?.string, HubPath.isSHA256(digest)
            else { return nil }
            files[path] = HubFile(path: path, bytes: bytes, sha256: digest)
        }
        self.model = model
        self.repository = repository
        self.revision = revision
        self.commit = commit
        self.endpoint = endpoint
        self.isWhole = isWhole
        neededBytes = needed
    }

    init(model: String, repository: String, revision: String, commit: String, endpoint: String) {
        self.model = model
        self.repository = repository
        self.revision = revision
        self.commit = commit
        self.endpoint = endpoint
    }
}
