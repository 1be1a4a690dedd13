package import Compute
import FoundationEssentials
import Glibc

/// Where a model's files come from: a folder on disk, or a table inside the binary.
package struct ModelFolder: Sendable {
    private enum Place {
        case disk(root: String)
        case memory([String: HostBytes])
    }

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

    /// The bytes of a JSON file of at most `limit` bytes: well-formed, no key twice in one object.
    package func json(_ path: String, limit: Int = 4 << 20) throws(WeightError) -> [UInt8] {
        let bytes = try bytes(path)
        guard bytes.count <= limit else {
            throw .fileTooLarge(file: fullName(path), bytes: bytes.count, limit: limit)
        }
        let text = bytes.copied
        do throws(JSONScanner.Failure) {
            try JSONScanner.validate(text)
        } catch {
            throw .badJSON(file: fullName(path), offset: error.offset, problem: error.problem)
        }
        return text
    }

    /// The configuration at `path`.
    package func config<T: Decodable>(_ path: String, as type: T.Type) throws(WeightError) -> T {
        let text = try json(path)
        do {
            return try JSONDecoder().decode(type, from: Data(text))
        } catch let error as DecodingError {
            throw WeightError(error, file: fullName(path))
        } catch {
            throw .config(file: fullName(path), field: "", value: "\(error)", rule: "readable")
        }
    }
}

extension WeightError {
    /// What the decoder of a configuration stumbled over.
    init(_ error: DecodingError, file: String) {
        func path(_ keys: [any CodingKey]) -> String {
            keys.reduce("") { text, key in
                if let index = key.intValue { return "\(text)[\(index)]" }
                return text.isEmpty ? key.stringValue : "\(text).\(key.stringValue)"
            }
        }
        func rule(_ type: any Any.Type) -> String {
            switch type {
            case is any BinaryInteger.Type: "a whole number"
            case is any BinaryFloatingPoint.Type: "a number"
            case is Bool.Type: "true or false"
            case is String.Type: "a text"
            default: "a value of another kind"
            }
        }
        switch error {
        case .keyNotFound(let key, let context):
            self = .config(file: file, field: path(context.codingPath + [key]), value: nil, rule: "present")
        case .valueNotFound(let type, let context):
            self = .config(file: file, field: path(context.codingPath), value: "null", rule: rule(type))
        case .typeMismatch(let type, let context):
            self = .config(file: file, field: path(context.codingPath), value: "of another kind", rule: rule(type))
        case .dataCorrupted(let context):
            self = .config(
                file: file, field: path(context.codingPath), value: "out of range or malformed", rule: "a usable value")
        @unknown default:
            self = .config(file: file, field: "", value: "unreadable", rule: "readable")
        }
    }
}
