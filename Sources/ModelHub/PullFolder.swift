import Files
import Glibc
import StrictJSON

/// The folder of one pulled model, locked for as long as this lives.
final class PullFolder: Sendable {
    let path: String
    private let lock: Int32

    private static let lockName = ".lock"
    private static let partsName = ".parts"
    private static let partEnding = ".part"
    private static let stateEnding = ".part.state"

    /// Makes the folder where it is not there, and takes its lock.
    init(_ model: String, in root: String) throws(HubError) {
        try Folder.make(root)
        try Folder.make(model, in: root)
        path = "\(root)/\(model)"
        if try PullRecord.read(in: path) == nil { try Self.refuseForeign(path) }
        let file = "\(path)/\(Self.lockName)"
        lock = unsafe open(file, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o644)
        guard lock >= 0 else { throw .file(path: file, FileFailure("open")) }
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let failure = FileFailure("flock")
            close(lock)
            throw failure.number == EWOULDBLOCK ? .locked(folder: path) : .file(path: file, failure)
        }
        // Whoever removed the model meanwhile took the name away from the lock that we hold.
        var (held, named) = (stat(), stat())
        guard unsafe fstat(lock, &held) == 0, unsafe lstat(file, &named) == 0, held.st_ino == named.st_ino else {
            close(lock)
            throw .locked(folder: path)
        }
    }

    deinit { close(lock) }

    /// A folder with files and without a record is somebody else's.
    private static func refuseForeign(_ path: String) throws(HubError) {
        let names = try Folder.names(path).filter { $0 != lockName && $0 != partsName }
        guard let name = names.first else { return }
        throw .inTheWay(path: path, found: "a folder with \(name.printable) and no record of ours")
    }

    /// Where a file is while it comes.
    func part(of path: String) throws(HubError) -> String {
        try Folder.make(Self.partsName, in: self.path)
        return "\(self.path)/\(Self.partsName)/\(path.replacing("/", with: "--"))\(Self.partEnding)"
    }

    /// Where a file belongs; the folders above it are made.
    func place(of path: String) throws(HubError) -> String {
        if let slash = path.lastIndex(of: "/") { try Folder.make(path[..<slash], in: self.path) }
        return "\(self.path)/\(path)"
    }

    /// Removes a file of the record.
    func remove(_ file: String) throws(HubError) {
        guard HubPath.isSafe(file) else { return }
        var folder = path
        for part in file.split(separator: "/").dropLast() {
            folder += "/" + part
            guard Folder.isOne(folder) else { return }
        }
        guard Folder.bytes("\(path)/\(file)") != nil else { return }
        guard unsafe unlink("\(path)/\(file)") == 0 || errno == ENOENT else {
            throw .file(path: "\(path)/\(file)", FileFailure("unlink"))
        }
    }

    /// Removes what was on its way.
    func removeParts() throws(HubError) {
        let folder = "\(path)/\(Self.partsName)"
        guard Folder.isOne(folder) else { return }
        for name in try Folder.names(folder) where name.hasSuffix(Self.partEnding) || name.hasSuffix(Self.stateEnding) {
            guard Folder.bytes("\(folder)/\(name)") != nil else { continue }
            unsafe unlink("\(folder)/\(name)")
        }
        unsafe rmdir(folder)
    }

    /// Removes the record, then every folder that is empty by now; what others put there stays.
    func removeAll(_ record: PullRecord) throws(HubError) {
        for file in record.files.keys.sorted() { try remove(file) }
        try removeParts()
        let folders = Set(record.files.keys.compactMap { path in path.lastIndex(of: "/").map { path[..<$0] } })
        for folder in folders.sorted(by: { $0.count > $1.count }) { unsafe rmdir("\(path)/\(folder)") }
        for name in try Folder.names(path) where name == PullRecord.name || Self.isRecordOnItsWay(name) {
            unsafe unlink("\(path)/\(name)")
        }
        unsafe unlink("\(path)/\(Self.lockName)")
        unsafe rmdir(path)
    }

    /// What a killed process left of a record.
    private static func isRecordOnItsWay(_ name: String) -> Bool {
        guard name.hasPrefix(PullRecord.name + "."), name.hasSuffix(partEnding) else { return false }
        let middle = name.dropFirst(PullRecord.name.count + 1).dropLast(partEnding.count)
        return !middle.isEmpty && middle.count <= 16 && middle.allSatisfy(\.isHexDigit)
    }

    /// What has come of files that are not whole yet.
    static func partBytes(_ path: String) -> Int {
        let folder = "\(path)/\(partsName)"
        guard let names = try? Folder.names(folder) else { return 0 }
        return names.filter { $0.hasSuffix(partEnding) }.reduce(0) {
            $0 + PartFile.doneBytes("\(folder)/\($1)")
        }
    }
}
