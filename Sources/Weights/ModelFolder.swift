package import Compute
import Glibc
import StrictJSON

/// Where a model's files come from: a folder on disk, or a table inside the binary.
package struct ModelFolder: Sendable {
    private enum Place {
        case disk(root: String)
        case memory([String: HostBytes])
    }

    /// Longest configuration accepted, in bytes.
    package static let jsonLimit = 4 << 20

    /// How errors and results name the folder.
    package let name: String
    private let place: Place

    /// The folder at `path`.
    package init(path: String) throws(WeightError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            let code = errno
            throw code == ENOENT || code == ENOTDIR ? .fileMissing(file: path) : .unreadable(file: path, errno: code)
        }
        guard status.st_mode & S_IFMT == S_IFDIR else { throw .notAFolder(path: path) }
        var root = path
        while root.count > 1, root.hasSuffix("/") { root.removeLast() }
        name = root
        place = .disk(root: root)
    }

    /// Files held in memory, by their path in the folder (`vae/config.json`).
    package init(files: [String: HostBytes], name: String) {
        self.name = name
        place = .memory(files)
    }

    /// Whether there is a file (of any kind) at `path`.
    package func exists(_ path: String) -> Bool {
        switch place {
        case .disk(let root): unsafe access("\(root)/\(path)", F_OK) == 0
        case .memory(let files): files[path] != nil
        }
    }

    /// The bytes of the file at `path`, without a copy.
    package func bytes(_ path: String) throws(WeightError) -> HostBytes {
        switch place {
        case .disk(let root): return try MappedFile.open("\(root)/\(path)")
        case .memory(let files):
            guard let bytes = files[path] else { throw .fileMissing(file: fullName(path)) }
            guard bytes.count > 0 else { throw .emptyFile(file: fullName(path)) }
            return bytes
        }
    }

    /// How errors name the file at `path`.
    package func fullName(_ path: String) -> String { "\(name)/\(path)" }

    /// The configuration at `path`.
    package func config<T: Decodable>(_ path: String, as type: T.Type) throws(WeightError) -> T {
        try Self.decode(try bytes(path), as: type, file: fullName(path))
    }

    /// What JSON text holds.
    static func decode<T: Decodable>(_ bytes: HostBytes, as type: T.Type, file: String) throws(WeightError) -> T {
        guard bytes.count <= jsonLimit else { throw .fileTooLarge(file: file, bytes: bytes.count, limit: jsonLimit) }
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(bytes.copied)
        } catch {
            throw .badJSON(file: file, offset: error.offset, problem: error.problem)
        }
        do {
            return try JSONValueDecoder(value: value, file: file, path: "").make(type)
        } catch let error as WeightError {
            throw error
        } catch {
            throw .config(file: file, field: "", value: value.shown, rule: "readable")
        }
    }
}
