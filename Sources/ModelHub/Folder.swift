import Compute
import Files
import Glibc
import VideoTypes
import Weights

/// Folders that are walked name by name, never through a link.
enum Folder {
    /// Makes the folder and those above it that are missing.
    static func make(_ folder: String) throws(HubError) {
        var path = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") {
            path += "/" + part
            guard unsafe mkdir(path, 0o755) != 0, errno != EEXIST else { continue }
            let failure = FileFailure("mkdir")
            if unsafe access(path, F_OK) != 0 { throw .file(path: path, failure) }
        }
    }

    /// Makes folders inside a folder, and refuses what is there in their place.
    static func make(_ inner: some StringProtocol, in folder: String) throws(HubError) {
        var path = folder
        for part in inner.split(separator: "/") {
            path += "/" + part
            guard unsafe mkdir(path, 0o755) == 0 || errno == EEXIST else {
                throw .file(path: path, FileFailure("mkdir"))
            }
            guard isOne(path) else { throw .inTheWay(path: path, found: "something that is no folder") }
        }
    }

    /// Whether it is a folder itself, no link to one.
    static func isOne(_ path: String) -> Bool {
        var facts = stat()
        return unsafe lstat(path, &facts) == 0 && facts.st_mode & S_IFMT == S_IFDIR
    }

    /// Names inside, hidden ones too, in order.
    static func names(_ path: String) throws(HubError) -> [String] {
        guard let stream = unsafe opendir(path) else { throw .file(path: path, FileFailure("open")) }
        defer { unsafe closedir(stream) }
        var names: [String] = []
        while let entry = unsafe readdir(stream) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) {
                unsafe String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names.sorted()
    }

    /// The size of a plain file; nil where there is none, also behind a link where `followsLinks`.
    static func bytes(_ path: String, followsLinks: Bool = false) -> Int? {
        var facts = stat()
        let status = followsLinks ? unsafe stat(path, &facts) : unsafe lstat(path, &facts)
        return status == 0 && facts.st_mode & S_IFMT == S_IFREG ? facts.st_size : nil
    }

    /// A file of lists, whole, which may be behind a link.
    static func read(_ path: String) throws(HubError) -> [UInt8] {
        do throws(WeightError) {
            let bytes = try MappedFile.open(path)
            guard bytes.count <= 64 << 20 else { throw .fileTooLarge(file: path, bytes: bytes.count, limit: 64 << 20) }
            return bytes.copied
        } catch {
            if case .unreadable(_, let number) = error { throw .file(path: path, FileFailure("open", number)) }
            throw .failed(error.videoError)
        }
    }

    /// Bytes that may still be written where a folder is.
    static func freeBytes(_ path: String) throws(HubError) -> Int {
        var facts = statvfs()
        guard unsafe statvfs(path, &facts) == 0 else { throw .file(path: path, FileFailure("statvfs")) }
        let (bytes, isTooLarge) = facts.f_bavail.multipliedReportingOverflow(by: UInt(facts.f_frsize))
        return isTooLarge ? Int.max : Int(clamping: bytes)
    }
}
