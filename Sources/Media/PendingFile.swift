#if canImport(Glibc)
import Files
import Glibc
#endif

/// A file that appears under its name only when it is complete.
///
/// Where the file system allows it, the file has no name at all until then, so nothing stays behind even when the
/// process is killed. Elsewhere it has an unpredictable hidden name in the target's folder, removed on failure.
package struct PendingFile: ~Copyable {
    /// Where others may open the file for reading and writing.
    let ioPath: String
    private let target: OutputTarget
    private let descriptor: Int32
    private let temporaryPath: String
    private var hasName: Bool

    package init(_ target: OutputTarget, allowsUnnamed: Bool = true) throws(MediaError) {
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

    /// Writes behind what is there.
    package func append(_ bytes: [UInt8]) throws(MediaError) {
        guard FileBytes.write(bytes, to: descriptor) else { throw target.failure("write") }
    }

    /// Flushes the file to the disk and gives it the target's name, in the place of whatever has it, or the next free
    /// one; returns the name.
    ///
    /// - Parameter isDurable: false for what nobody misses after a power cut, and nobody shall wait for.
    @discardableResult
    package consuming func publish(isDurable: Bool = true) throws(MediaError) -> String {
        guard !isDurable || fsync(descriptor) == 0 else { throw target.failure("fsync") }
        let name: String
        if target.keepsExisting { name = try takeFreeName() } else { name = try replaceExisting() }
        // The name is in the folder now; a folder that cannot be flushed is no reason to call the clip lost.
        if isDurable { try? FileBytes.flushFolder(of: target.folder + "/") }
        return name
    }

    private mutating func replaceExisting() throws(MediaError) -> String {
        if !hasName {
            guard unsafe linkat(AT_FDCWD, ioPath, AT_FDCWD, temporaryPath, AT_SYMLINK_FOLLOW) == 0 else {
                throw target.failure("linkat")
            }
            hasName = true
        }
        guard unsafe rename(temporaryPath, target.path) == 0 else { throw target.failure("rename") }
        hasName = false
        return target.givenPath
    }

    /// A link takes a name only where nobody has it, whoever else is looking for one.
    private mutating func takeFreeName() throws(MediaError) -> String {
        for number in 1...9999 {
            let name = target.name(number)
            if unsafe linkat(AT_FDCWD, ioPath, AT_FDCWD, name, AT_SYMLINK_FOLLOW) == 0 { return name }
            if errno == EEXIST { continue }
            // Some file systems have no links.
            guard hasName, unsafe access(name, F_OK) != 0 else {
                if hasName { continue }
                throw target.failure("linkat")
            }
            guard unsafe rename(temporaryPath, name) == 0 else { throw target.failure("rename") }
            hasName = false
            return name
        }
        throw .output(path: target.givenPath, problem: .system(call: "linkat", errno: EEXIST))
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
