import Glibc

/// A file that appears under its name only when it is whole and on the disk, in the place of what has the name.
package final class NewFile {
    private let path: String
    private let temporaryPath: String
    private let descriptor: Int32
    private var isPublished = false

    /// What the file is called until it is whole.
    package enum Temporary {
        /// A name beside its own that nobody has or guesses.
        case random
        /// A path that must be free.
        case free(String)
        /// A path that is ours alone: what a killed process left there is written over.
        case ours(String)
    }

    /// - Parameter mode: who may read it, less what the process's mask takes away.
    package init(_ path: String, temporary: Temporary = .random, mode: UInt32 = 0o600) throws(FileFailure) {
        self.path = path
        var flags = O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW
        switch temporary {
        case .random:
            temporaryPath = path + "." + String(UInt64.random(in: 0...UInt64.max), radix: 16) + ".part"
            flags |= O_EXCL
        case .free(let name):
            temporaryPath = name
            flags |= O_EXCL
        case .ours(let name):
            temporaryPath = name
            flags |= O_TRUNC
        }
        descriptor = unsafe open(temporaryPath, flags, mode)
        guard descriptor >= 0 else {
            // Nothing was made, so nothing is removed.
            isPublished = true
            throw FileFailure("open")
        }
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
        if !isPublished { unsafe unlink(temporaryPath) }
    }

    /// Writes behind what is there.
    package func append(_ bytes: some Collection<UInt8>) throws(FileFailure) {
        guard FileBytes.write(bytes, to: descriptor) else { throw FileFailure("write") }
    }

    /// Flushes the file, gives it its name, and flushes that.
    package func publish() throws(FileFailure) {
        guard fsync(descriptor) == 0 else { throw FileFailure("fsync") }
        guard unsafe rename(temporaryPath, path) == 0 else { throw FileFailure("rename") }
        isPublished = true
        try FileBytes.flushFolder(of: path)
    }
}
