import Glibc

/// Which file, folder or whatever else a name means.
struct FileIdentity: Hashable {
    private let device: UInt
    private let number: UInt

    init(_ facts: stat) {
        device = facts.st_dev
        number = facts.st_ino
    }

    init?(_ descriptor: Int32) {
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0 else { return nil }
        self.init(facts)
    }

    /// A link at the end of the name is not followed.
    init?(_ folder: Int32, _ name: String) {
        var facts = stat()
        guard unsafe fstatat(folder, name, &facts, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
        self.init(facts)
    }
}

/// A file as it was when its bytes were known: whoever changes it changes this.
struct FileMark: Hashable {
    let byteCount: Int
    private let identity: FileIdentity
    private let modified: [Int]
    private let changed: [Int]

    /// nil for what is no plain file.
    init?(_ facts: stat) {
        guard facts.st_mode & S_IFMT == S_IFREG else { return nil }
        byteCount = facts.st_size
        identity = FileIdentity(facts)
        modified = [facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec]
        changed = [facts.st_ctim.tv_sec, facts.st_ctim.tv_nsec]
    }
}
