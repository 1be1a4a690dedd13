import Files
import Glibc
import VideoTypes

/// Models that Hugging Face's own programs fetched: looked at, never written.
package struct HubCache: Sendable {
    private let root: String

    package init(root: String) { self.root = root }

    package enum Finding: Equatable, Sendable {
        case none
        /// A folder of links in the Diffusers layout, with all that the engine reads.
        case whole(folder: String, files: [HubFile])
        case incomplete(folder: String, missing: String)
        case unreadable(path: String, reason: String)
    }

    /// What there is of a repository at a revision.
    package func model(_ repository: String, revision: String) -> Finding {
        guard HubPath.isRepository(repository), HubPath.isRevision(revision) else { return .none }
        let folder = "\(root)/models--\(repository.replacing("/", with: "--"))"
        var facts = stat()
        if unsafe stat(folder, &facts) != 0 {
            return [ENOENT, ENOTDIR].contains(errno)
                ? .none : .unreadable(path: folder, reason: SystemError.text(errno))
        }
        do throws(HubError) {
            guard let commit = try commit(folder, revision) else { return .none }
            return try look("\(folder)/snapshots/\(commit)")
        } catch {
            guard case .file(let path, let failure) = error else { return .none }
            return .unreadable(path: path, reason: SystemError.text(failure.number))
        }
    }

    /// The commit that a branch points to; where nothing says that, the only one there is.
    private func commit(_ folder: String, _ revision: String) throws(HubError) -> String? {
        if HubPath.isCommit(revision) { return revision }
        let path = "\(folder)/refs/\(revision)"
        do throws(FileFailure) {
            if let bytes = try FileBytes.read(path, limit: 256) {
                let commit = String(decoding: bytes, as: UTF8.self).filter { !$0.isWhitespace }
                return HubPath.isCommit(commit) ? commit : nil
            }
        } catch {
            throw .file(path: path, error)
        }
        guard revision == "main" else { return nil }
        let snapshots = "\(folder)/snapshots"
        let names = try Folder.names(snapshots).filter(HubPath.isCommit)
        return names.count == 1 ? names[0] : nil
    }

    private func look(_ folder: String) throws(HubError) -> Finding {
        guard try Self.exists(folder), Folder.isOne(folder) else { return .none }
        var paths: Set<String> = []
        func add(_ path: String) throws(HubError) {
            // A link into the blobs, which may be gone.
            guard try Self.exists("\(folder)/\(path)") else { return }
            if Folder.bytes("\(folder)/\(path)", followsLinks: true) ?? 0 > 0 { paths.insert(path) }
        }
        for name in try Folder.names(folder) {
            try add(name)
            guard Folder.isOne("\(folder)/\(name)") else { continue }
            for inner in try Folder.names("\(folder)/\(name)") { try add("\(name)/\(inner)") }
        }
        do throws(HubError) {
            let needed = NeededFiles(name: folder, paths: paths)
            let files =
                try needed.first()
                + needed.weights { path throws(HubError) in try Folder.read("\(folder)/\(path)") }
            return .whole(folder: folder, files: files.map { Self.file($0, in: folder) })
        } catch {
            switch error {
            case .fileMissing(_, let path): return .incomplete(folder: folder, missing: path)
            case .noWeights(_, let inner, _): return .incomplete(folder: folder, missing: "weights in \(inner)")
            case .failed(let error): return .incomplete(folder: folder, missing: error.message)
            default: throw error
            }
        }
    }

    /// Whether there is something at a path, behind links too; an error where nobody may know.
    private static func exists(_ path: String) throws(HubError) -> Bool {
        var facts = stat()
        if unsafe stat(path, &facts) == 0 { return true }
        guard [ENOENT, ENOTDIR].contains(errno) else { throw .file(path: path, FileFailure("stat")) }
        return false
    }

    /// A file with its SHA-256, which large ones are called by where the link leads.
    private static func file(_ path: String, in folder: String) -> HubFile {
        let place = "\(folder)/\(path)"
        var target = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
        let count = unsafe readlink(place, &target, Int(PATH_MAX))
        let text = String(decoding: target.prefix(max(count, 0)).map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let name = text.split(separator: "/").last.map(String.init) ?? ""
        let bytes = min(Folder.bytes(place, followsLinks: true) ?? 0, HubListing.maxFileBytes)
        return HubFile(path: path, bytes: bytes, sha256: HubPath.isSHA256(name) ? name : nil)
    }
}
