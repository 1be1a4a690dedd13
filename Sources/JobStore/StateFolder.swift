import CSQLite
import Glibc

/// The folder of a service, locked for as long as this lives: nobody else works in it.
///
/// A folder that holds something and no journal of ours is refused before anything in it is touched.
final class StateFolder: Sendable {
    /// Without symbolic links.
    let path: String
    private let descriptor: Int32
    private let lock: Int32

    /// Makes the folder, for its owner alone, where it is not there, and takes its lock.
    init(_ folder: String) throws(StoreError) {
        guard !folder.isEmpty else { throw .unnamedFolder }
        try Self.makeFolders(folder)
        path = try Self.realPath(folder)
        descriptor = try Self.openFolder(AT_FDCWD, path, path)
        do throws(StoreError) {
            try Self.refuseNetwork(descriptor, path)
            try Self.refuseUsed(descriptor, path)
            try Self.refuseForeign(descriptor, path)
            lock = try Self.takeLock(descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        close(lock)
        close(descriptor)
    }

    /// The descriptor of a folder inside, which is made where it is not there; the caller closes it.
    func subfolder(_ name: String) throws(StoreError) -> Int32 {
        guard unsafe mkdirat(descriptor, name, 0o700) == 0 || errno == EEXIST else {
            throw .system(call: "mkdir", path: path + "/" + name, errno: errno)
        }
        return try Self.openFolder(descriptor, name, path + "/" + name)
    }

    /// The descriptor of a file inside, which is made empty where it is not there; the caller closes it.
    func file(_ name: String) throws(StoreError) -> Int32 {
        try Self.openFile(descriptor, name, path)
    }

    /// The descriptor of a file inside that was not there before; nil where the name is taken.
    func newFile(_ name: String) -> Int32? {
        let flags = O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC
        let found = unsafe openat(descriptor, name, flags, 0o600)
        return found >= 0 ? found : nil
    }

    /// The descriptor of a plain file inside, to be read; nil where there is none of this name.
    func existingFile(_ name: String) -> Int32? { Self.plainFile(descriptor, name) }

    /// nil where there is no plain file of this name.
    func byteCount(_ name: String) -> Int? {
        var facts = stat()
        guard unsafe fstatat(descriptor, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        return facts.st_mode & S_IFMT == S_IFREG ? facts.st_size : nil
    }

    /// What a name inside means now; nil where it means nothing.
    func identity(_ name: String) -> FileIdentity? { FileIdentity(descriptor, name) }

    /// Whether the folder is still where it was found, and still kept for us.
    var isInPlace: Bool {
        FileIdentity(AT_FDCWD, path) == FileIdentity(descriptor) && identity("lock") == FileIdentity(lock)
    }

    /// The name that the folder got at its first start, which is kept in its lock: it goes where the folder goes.
    func name() throws(StoreError) -> String {
        var bytes = [UInt8](repeating: 0, count: Self.nameDigits)
        let count = unsafe pread(lock, &bytes, bytes.count, 0)
        let known = String(decoding: bytes.prefix(max(count, 0)), as: UTF8.self)
        if known.utf8.count == Self.nameDigits, known.allSatisfy(\.isHexDigit) { return known }
        let digits = String(UInt64.random(in: 0...UInt64.max), radix: 16)
        let name = String(repeating: "0", count: Self.nameDigits - digits.count) + digits
        guard unsafe pwrite(lock, name, Self.nameDigits, 0) == Self.nameDigits, fsync(lock) == 0 else {
            if errno == ENOSPC || errno == EDQUOT { throw .diskFull }
            throw .system(call: "write", path: path + "/lock", errno: errno)
        }
        return name
    }

    private static let nameDigits = 16

    func remove(_ name: String) {
        unsafe _ = unlinkat(descriptor, name, 0)
    }

    /// Files that a job has at most: a disk that has names for fewer has no room, whatever its bytes.
    private static let namesOfAJob = 8

    /// Bytes that may still be written.
    func freeBytes() throws(StoreError) -> Int {
        var facts = statvfs()
        guard unsafe fstatvfs(descriptor, &facts) == 0 else {
            throw .system(call: "statvfs", path: path, errno: errno)
        }
        // Where names are made as they are needed, none are counted.
        if facts.f_files > 0, facts.f_favail < Self.namesOfAJob { return 0 }
        let (bytes, isTooLarge) = facts.f_bavail.multipliedReportingOverflow(by: UInt(facts.f_frsize))
        return isTooLarge ? Int.max : Int(clamping: bytes)
    }

    private static func makeFolders(_ folder: String) throws(StoreError) {
        var path = folder.hasPrefix("/") ? "" : "."
        for part in folder.split(separator: "/") {
            path += "/" + part
            guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else {
                throw .system(call: "mkdir", path: path, errno: errno)
            }
        }
    }

    static func realPath(_ folder: String) throws(StoreError) -> String {
        guard let resolved = unsafe realpath(folder, nil) else {
            throw .system(call: "realpath", path: folder, errno: errno)
        }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    private static func openFolder(_ parent: Int32, _ name: String, _ path: String) throws(StoreError) -> Int32 {
        let found = unsafe openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard found >= 0 else { throw .system(call: "open", path: path, errno: errno) }
        return found
    }

    private static func openFile(_ folder: Int32, _ name: String, _ path: String) throws(StoreError) -> Int32 {
        let found = unsafe openat(folder, name, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard found >= 0 else {
            if errno == ENOSPC || errno == EDQUOT { throw .diskFull }
            throw .system(call: "open", path: path + "/" + name, errno: errno)
        }
        return found
    }

    /// A file that is read, not followed, and no pipe that would block.
    private static func plainFile(_ folder: Int32, _ name: String) -> Int32? {
        let found = unsafe openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard found >= 0 else { return nil }
        var facts = stat()
        guard unsafe fstat(found, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else {
            close(found)
            return nil
        }
        return found
    }

    private static func refuseNetwork(_ descriptor: Int32, _ path: String) throws(StoreError) {
        var magic: UInt32 = 0
        guard unsafe csq_file_system(descriptor, &magic) == 0 else {
            throw .system(call: "statfs", path: path, errno: errno)
        }
        if let kind = FileSystemKind.networkName(magic: magic) {
            throw .networkFileSystem(folder: path, kind: kind)
        }
    }

    /// Looks, and makes no lock.
    ///
    /// Before the journal is looked at: to close that file ends the locks that its user, if it is we, has on it.
    private static func refuseUsed(_ folder: Int32, _ path: String) throws(StoreError) {
        guard let lock = plainFile(folder, "lock") else { return }
        defer { close(lock) }
        guard flock(lock, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK else { return }
        throw .inUse(folder: path)
    }

    private static func takeLock(_ folder: Int32, _ path: String) throws(StoreError) -> Int32 {
        let lock = try openFile(folder, "lock", path)
        guard flock(lock, LOCK_EX | LOCK_NB) == 0 else {
            let reason = errno
            close(lock)
            throw reason == EWOULDBLOCK
                ? .inUse(folder: path) : .system(call: "flock", path: path + "/lock", errno: reason)
        }
        return lock
    }
}

/// What is ours.
extension StateFolder {
    /// What a start that was cut off leaves, with nothing in it.
    private static let beginnings: Set<String> = ["lock", "jobs.db", "jobs.db-journal"]

    /// Looks, and touches nothing.
    private static func refuseForeign(_ descriptor: Int32, _ path: String) throws(StoreError) {
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0 else { throw .system(call: "stat", path: path, errno: errno) }
        // Where the sticky bit is set, others cannot put their files in the place of ours.
        guard facts.st_mode & (0o002 | S_ISVTX) != 0o002 else { throw .openToOthers(folder: path) }
        if holdsJournal(descriptor) { return }
        let names = try FolderNames.all(path)
        let isBeginning = names.allSatisfy { beginnings.contains($0) && isEmpty(descriptor, $0) }
        guard isBeginning else { throw .foreignFolder(folder: path, found: names.first ?? "") }
    }

    private static func isEmpty(_ folder: Int32, _ name: String) -> Bool {
        // Without the journal that it belongs to it says nothing.
        if name == "jobs.db-journal" { return true }
        var facts = stat()
        guard unsafe fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { return false }
        return facts.st_mode & S_IFMT == S_IFREG && facts.st_size == 0
    }

    /// Whether a folder holds a journal of ours; looks, and touches nothing.
    static func holdsJournal(_ path: String) -> Bool {
        guard let folder = try? openFolder(AT_FDCWD, path, path) else { return false }
        defer { close(folder) }
        return holdsJournal(folder)
    }

    private static func holdsJournal(_ folder: Int32) -> Bool {
        guard let journal = plainFile(folder, "jobs.db") else { return false }
        defer { close(journal) }
        let log = plainFile(folder, "jobs.db-wal")
        defer { if let log { close(log) } }
        return JournalHead.isOurs(journal, log: log)
    }
}
