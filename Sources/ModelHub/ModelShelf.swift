import Files
import Glibc
import StrictJSON
package import VideoTypes

/// The models on this machine: those that were pulled, and what other programs have of them.
package struct ModelShelf: Sendable {
    package let settings: HubSettings

    package init(_ settings: HubSettings) { self.settings = settings }

    /// Where a model is.
    package enum Place: Sendable {
        case pulled(PulledModel)
        case half(PulledModel)
        case cached(folder: String, bytes: Int)
    }

    /// What stands in the way of a copy that another program has.
    package struct Remark: Sendable {
        package let text: String
    }

    /// Looks for a model; what was pulled comes first.
    ///
    /// - Parameter revision: nil for what was pulled whatever its revision, and the main one of others.
    package func find(
        _ model: String, _ repository: String, revision: String? = nil
    ) throws(HubError) -> (place: Place?, remark: Remark?) {
        let pulled = try pulled(model)
        let isWanted = revision == nil || pulled?.record.revision == revision || pulled?.record.commit == revision
        if let pulled, pulled.record.isWhole, isWanted, Self.isComplete(pulled) { return (.pulled(pulled), nil) }
        let half = pulled.map(Place.half)
        switch cached(repository, revision ?? "main") {
        case .none: return (half, nil)
        case .whole(let folder, let files):
            return (.cached(folder: folder, bytes: files.reduce(0) { $0 + $1.bytes }), nil)
        case .incomplete(let folder, let missing):
            return (half, Remark(text: "\(folder) is no whole copy: \(missing) is missing"))
        case .unreadable(let path, let reason):
            return (half, Remark(text: "\(path) cannot be looked at: \(reason)"))
        }
    }

    private func cached(_ repository: String, _ revision: String) -> HubCache.Finding {
        settings.cache.map { HubCache(root: $0).model(repository, revision: revision) } ?? .none
    }

    /// What was pulled of a model; nil for nothing.
    package func pulled(_ model: String) throws(HubError) -> PulledModel? {
        let folder = "\(settings.root)/\(model)"
        guard let record = try PullRecord.read(in: folder) else { return nil }
        return PulledModel(folder: folder, record: record, partBytes: PullFolder.partBytes(folder))
    }

    private static func isComplete(_ model: PulledModel) -> Bool {
        model.record.files.values.allSatisfy { Folder.bytes("\(model.folder)/\($0.path)") == $0.bytes }
    }

    /// Removes what was pulled of a model, and nothing else; how many bytes that were.
    package func remove(_ model: String) throws(HubError) -> Int {
        guard let pulled = try pulled(model) else { throw .notHere(model: model, root: settings.root) }
        let folder = try PullFolder(model, in: settings.root)
        try folder.removeAll(pulled.record)
        return pulled.byteCount
    }

    // MARK: digests

    /// What a look at every byte of a model found.
    package struct Verification: Sendable {
        /// Files whose digest is known, and their bytes.
        package var files = 0
        package var bytes = 0
        /// What is wrong, file by file.
        package var damage: [HubError] = []
    }

    /// Reads every file of a model whose digest is known: pulled, or another program's.
    ///
    /// What is damaged of a pulled one is fetched again by the next pull.
    package func verify(
        _ model: String, _ repository: String, pinned: [String: String] = [:], _ report: (PullProgress) -> Bool
    ) throws(HubError) -> Verification {
        guard let pulled = try pulled(model) else {
            guard case .whole(let folder, let files) = cached(repository, "main") else {
                throw .notHere(model: model, root: settings.root)
            }
            return try verify(files, folder, pinned, followsLinks: true, report) { _ in }
        }
        let folder = try PullFolder(model, in: settings.root)
        var record = pulled.record
        let files = record.files.values.sorted { $0.path < $1.path }
        let found = try verify(files, folder.path, pinned, followsLinks: false, report) { path in
            record.files[path] = nil
            record.isWhole = false
        }
        if !found.damage.isEmpty { try record.write(in: folder.path) }
        return found
    }

    private func verify(
        _ files: [HubFile], _ folder: String, _ pinned: [String: String], followsLinks: Bool,
        _ report: (PullProgress) -> Bool, damaged: (_ path: String) -> Void
    ) throws(HubError) -> Verification {
        var found = Verification()
        var progress = PullProgress(.check)
        var pace = Pace()
        let known = files.filter { $0.sha256 != nil || pinned[$0.path] != nil }
        progress.totalBytes = known.reduce(0) { $0 + $1.bytes }
        for file in known {
            let each = { (bytes: Int) in
                progress.doneBytes += bytes
                pace.add(progress.doneBytes, at: SystemClock.monotonic())
                progress.bytesPerSecond = pace.bytesPerSecond
                return report(progress)
            }
            found.files += 1
            found.bytes += file.bytes
            let place = "\(folder)/\(file.path)"
            if let error = try Self.damage(file, place, pinned[file.path], followsLinks, each) {
                found.damage.append(error)
                damaged(file.path)
            }
        }
        return found
    }

    private static func damage(
        _ file: HubFile, _ path: String, _ pinned: String?, _ followsLinks: Bool, _ each: (Int) -> Bool
    ) throws(HubError) -> HubError? {
        guard let bytes = Folder.bytes(path, followsLinks: followsLinks) else {
            return .file(path: path, FileFailure("open", ENOENT))
        }
        guard bytes == file.bytes else {
            return .size(path: path, expected: file.bytes, found: bytes, declaredBy: "the record")
        }
        let digest = try FileDigest.sha256(path, goesOn: each)
        if let expected = file.sha256, digest != expected {
            return .digest(path: path, expected: expected, found: digest, declaredBy: "the record")
        }
        if let pinned, digest != pinned {
            return .digest(path: path, expected: pinned, found: digest, declaredBy: "the pin")
        }
        return nil
    }

    // MARK: pins

    /// A revision, and the digests that its files must have.
    package struct Pin: Equatable, Sendable {
        package var revision: String
        package var files: [String: String]

        package init(revision: String, files: [String: String]) {
            self.revision = revision
            self.files = files
        }

        package var json: JSONText {
            let files = files.sorted { $0.key < $1.key }.map { ($0.key, JSONText.string($0.value)) }
            return .object([("revision", .string(revision)), ("files", .object(files))])
        }
    }

    private var pins: String { settings.root + "/pins" }

    /// The file of a model's pin.
    package func pinPath(_ model: String) -> String { "\(pins)/\(model).json" }

    /// What a model is pinned to here; nil for nothing.
    package func pin(_ model: String) throws(HubError) -> Pin? {
        let path = pinPath(model)
        let bytes: [UInt8]?
        do throws(FileFailure) {
            bytes = try FileBytes.read(path, limit: 16 << 20)
        } catch {
            throw .file(path: path, error)
        }
        guard let bytes else { return nil }
        guard let value = try? JSONValue(bytes), let revision = value["revision"]?.string,
            HubPath.isCommit(revision), case .object(let members) = value["files"]
        else { throw .badRecord(path: path, problem: "a field is missing or wrong") }
        var files: [String: String] = [:]
        for (key, digest) in members {
            guard let digest = digest.string, HubPath.isSHA256(digest) else {
                throw .badRecord(path: path, problem: "a digest is none")
            }
            files[String(decoding: key, as: UTF8.self)] = digest
        }
        return Pin(revision: revision, files: files)
    }

    /// Writes down what a whole model is, so that a later pull brings the same bytes or none.
    package func writePin(_ model: String) throws(HubError) -> Pin {
        guard let pulled = try pulled(model), pulled.record.isWhole else {
            throw .notHere(model: model, root: settings.root)
        }
        let pin = Pin(revision: pulled.record.commit, files: pulled.record.files.compactMapValues(\.sha256))
        try Folder.make("pins", in: settings.root)
        do throws(FileFailure) {
            try FileBytes.replace(pinPath(model), with: Array("\(pin.json)\n".utf8), mode: 0o644)
        } catch {
            throw .file(path: pinPath(model), error)
        }
        return pin
    }
}
