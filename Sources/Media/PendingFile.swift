#if canImport(Glibc)
import Glibc
#endif

/// A file that appears under its name only when it is complete.
///
/// Where the file system allows it, the file has no name at all until then, so nothing stays behind even when the
/// process is killed. Elsewhere it has an unpredictable hidden name in the target's folder, removed on failure.
struct PendingFile: ~Copyable {
    /// Where others may open the file for reading and writing.
    let ioPath: String
    private let target: OutputTarget
    private let descriptor: Int32
    private let temporaryPath: String
    private var hasName: Bool

    init(_ target: OutputTarget, allowsUnnamed: Bool = true) throws(MediaError) {
        self.target = target
        temporaryPath = target.folder + "/.wan-infer-" + Self.randomName() + ".part"
        if allowsUnnamed, let descriptor = Self.openUnnamed(in: target.folder) {
            self.descriptor = descriptor
            hasName = false
        } else {
            descriptor = unsafe open(temporaryPath, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
            guard descriptor >= 0 else { throw target.failure("open") }
            hasName = true
        }
        ioPath = hasName ? temporaryPath : "/proc/self/fd/\(descriptor)"
    }

    deinit {
        if hasName { unsafe unlink(temporaryPath) }
        close(descriptor)
    }

    var byteCount: Int {
        var status = stat()
        return unsafe fstat(descriptor, &status) == 0 ? Int(status.st_size) : 0
    }

    /// Flushes the file to the disk and puts it in the place of whatever has the target's name.
    consuming func publish() throws(MediaError) {
        guard fsync(descriptor) == 0 else { throw target.failure("fsync") }
        if !hasName {
            guard unsafe linkat(AT_FDCWD, ioPath, AT_FDCWD, temporaryPath, AT_SYMLINK_FOLLOW) == 0 else {
                throw target.failure("linkat")
            }
            hasName = true
        }
        guard unsafe rename(temporaryPath, target.path) == 0 else { throw target.failure("rename") }
        hasName = false
        // The name is in the folder now; a folder that cannot be flushed is no reason to call the clip lost.
        let folder = unsafe open(target.folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        fsync(folder)
        close(folder)
    }

    private static func openUnnamed(in folder: String) -> Int32? {
        // O_TMPFILE, a macro that Swift does not import.
        let unnamed: Int32 = 0o20_000_000 | O_DIRECTORY
        guard unsafe access("/proc/self/fd", X_OK) == 0 else { return nil }
        let descriptor = unsafe open(folder, unnamed | O_RDWR | O_CLOEXEC, 0o666)
        return descriptor >= 0 ? descriptor : nil
    }

    private static func randomName() -> String {
        var generator = SystemRandomNumberGenerator()
        return String(generator.next(), radix: 36) + String(generator.next(), radix: 36)
    }
}
