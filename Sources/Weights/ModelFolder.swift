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
    /// What stands in the place of the folder's own files, by their path.
    private var added: [String: AddedFile] = [:]
    /// Parts whose own files are not looked at.
    private var replaced: Set<String> = []
    /// The weights of parts that come from elsewhere, by the part's folder.
    package private(set) var weights: [String: WeightSource] = [:]

    /// A file that the folder does not hold.
    package struct AddedFile: Sendable {
        package let bytes: HostBytes
        /// How errors name it.
        package let name: String
        /// Whether it is told from shapes, and nobody wrote it.
        let isDerived: Bool

        package init(_ bytes: HostBytes, name: String, isDerived: Bool = false) {
            self.bytes = bytes
            self.name = name
            self.isDerived = isDerived
        }
    }

    /// The folder at `path`.
    package init(path: String) throws(WeightError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            let code = errno
            throw code == ENOENT || code == ENOTDIR
                ? .folderMissing(path: path) : .folderUnreadable(path: path, errno: code)
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

    /// The same folder with other files in the place of its own.
    ///
    /// - Parameters:
    ///   - replaced: parts ("vae") of whose own files none is looked at.
    ///   - files: by their path in the folder.
    ///   - weights: by the part's folder.
    package func replacing(
        _ replaced: Set<String>, files: [String: AddedFile], weights: [String: WeightSource]
    ) -> ModelFolder {
        var folder = self
        folder.replaced.formUnion(replaced)
        folder.added = added.filter { !replaced.contains(Self.part($0.key)) }.merging(files) { $1 }
        folder.weights = self.weights.filter { !replaced.contains($0.key) }.merging(weights) { $1 }
        return folder
    }

    private func isReplaced(_ path: String) -> Bool { replaced.contains(Self.part(path)) }

    private static func part(_ path: String) -> String { String(path.prefix { $0 != "/" }) }

    /// Whether there is a file (of any kind) at `path`.
    package func exists(_ path: String) -> Bool {
        if added[path] != nil { return true }
        guard !isReplaced(path) else { return false }
        switch place {
        case .disk(let root): return unsafe access("\(root)/\(path)", F_OK) == 0
        case .memory(let files): return files[path] != nil
        }
    }

    /// Whether there is a folder at `path`.
    package func isFolder(_ path: String) -> Bool {
        guard case .disk(let root) = place else { return false }
        var status = stat()
        return unsafe stat("\(root)/\(path)", &status) == 0 && status.st_mode & S_IFMT == S_IFDIR
    }

    /// Names of what lies in the folder at `path` ("vae"; empty for the root), in order.
    package func names(in path: String) -> [String] {
        switch place {
        case .disk(let root):
            guard let stream = unsafe opendir(path.isEmpty ? root : "\(root)/\(path)") else { return [] }
            defer { unsafe closedir(stream) }
            var names: [String] = []
            while let entry = unsafe readdir(stream) {
                unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                    let name = unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                    if !name.hasPrefix(".") { names.append(name) }
                }
            }
            return names.sorted()
        case .memory(let files):
            let prefix = path.isEmpty ? "" : path + "/"
            return files.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
        }
    }

    /// The bytes of the file at `path`, without a copy.
    package func bytes(_ path: String) throws(WeightError) -> HostBytes {
        try Self.checked(stored(path), file: fullName(path))
    }

    /// `bytes`, unless they only stand for those of the file.
    package static func checked(_ bytes: HostBytes, file: String) throws(WeightError) -> HostBytes {
        if let size = pointerSize(bytes) { throw .pointer(file: file, bytes: size) }
        if isWebPage(bytes) { throw .webPage(file: file) }
        return bytes
    }

    private static func isWebPage(_ bytes: HostBytes) -> Bool {
        let head = String(decoding: bytes[0..<min(256, bytes.count)].copied, as: UTF8.self).lowercased()
        let text = head.drop(while: \.isWhitespace)
        return ["<!doctype html", "<html"].contains { text.hasPrefix($0) }
    }

    /// The size of the file that a Git LFS pointer stands for; nil where `bytes` are none.
    private static func pointerSize(_ bytes: HostBytes) -> Int? {
        // The format's own limit.
        guard bytes.count < 1024, bytes.count > 8 else { return nil }
        let lines = String(decoding: bytes.copied, as: UTF8.self).split(separator: "\n")
        guard let first = lines.first, first.hasPrefix("version https://git-lfs.github.com/spec/") else { return nil }
        return lines.lazy.compactMap { $0.hasPrefix("size ") ? Int($0.dropFirst(5)) : nil }.first ?? 0
    }

    private func stored(_ path: String) throws(WeightError) -> HostBytes {
        if let file = added[path] { return file.bytes }
        guard !isReplaced(path) else { throw .fileMissing(file: fullName(path)) }
        switch place {
        case .disk(let root): return try MappedFile.open("\(root)/\(path)")
        case .memory(let files):
            guard let bytes = files[path] else { throw .fileMissing(file: fullName(path)) }
            guard bytes.count > 0 else { throw .emptyFile(file: fullName(path)) }
            return bytes
        }
    }

    /// How errors name the file at `path`.
    package func fullName(_ path: String) -> String { added[path]?.name ?? "\(name)/\(path)" }

    /// An error of a configuration; of one that nobody wrote it does not ask to correct it.
    package func said(_ error: any Error) -> any Error {
        let (file, field, value, rule): (String, String, String?, String)
        switch error as? WeightError {
        case .config(let name, let named, let found, let needed):
            (file, field, value, rule) = (name, named, found, needed)
        case .disagreement(let name, let named, let found, let needed, let other):
            (file, field, value, rule) = (name, named, found, "\(needed) beside \(other)")
        default: return error
        }
        guard added.values.contains(where: { $0.isDerived && $0.name == file }) else { return error }
        return WeightError.derived(file: file, field: field, value: value ?? "missing", rule: rule)
    }

    /// The configuration at `path`.
    ///
    /// - Parameter table: what it may say beside the fields of `type`; nil where others look at those.
    package func config<T: Decodable>(
        _ path: String, as type: T.Type, _ table: FieldTable? = nil
    ) throws(WeightError) -> T {
        let value = try json(path)
        if let table, let failure = failure(value, path, table) { throw failure }
        return try Self.make(type, of: value, file: fullName(path))
    }

    /// The first field of the configuration at `path` that breaks `table`.
    package func failure(_ path: String, _ table: FieldTable) throws(WeightError) -> WeightError? {
        failure(try json(path), path, table)
    }

    private func failure(_ value: JSONValue, _ path: String, _ table: FieldTable) -> WeightError? {
        guard case .object(let members) = value else { return nil }
        return table.failure(members, file: fullName(path))
    }

    private func json(_ path: String) throws(WeightError) -> JSONValue {
        try Self.json(try bytes(path), file: fullName(path))
    }

    /// What JSON text holds.
    package static func decode<T: Decodable>(_ bytes: HostBytes, as type: T.Type, file: String) throws(WeightError) -> T
    {
        try make(type, of: json(bytes, file: file), file: file)
    }

    private static func json(_ bytes: HostBytes, file: String) throws(WeightError) -> JSONValue {
        guard bytes.count <= jsonLimit else { throw .fileTooLarge(file: file, bytes: bytes.count, limit: jsonLimit) }
        do throws(JSONError) {
            return try JSONValue(bytes.copied)
        } catch {
            throw .badJSON(file: file, offset: error.offset, problem: error.problem)
        }
    }

    private static func make<T: Decodable>(
        _ type: T.Type, of value: JSONValue, file: String
    ) throws(WeightError) -> T {
        do {
            return try JSONValueDecoder(value: value, file: file, path: "").make(type)
        } catch let error as WeightError {
            throw error
        } catch {
            throw .config(file: file, field: "", value: value.shown, rule: "readable")
        }
    }
}
