#if canImport(Glibc)
import Glibc
#endif

/// A path checked to be one that a finished file may take.
package struct OutputTarget {
    /// As it was given, for messages.
    let givenPath: String
    /// With a symbolic link at its end followed: the link stays, its target is replaced.
    let path: String
    let folder: String
    /// Whether what has the name stays, so that "out.mp4" is "out-2.mp4" or another free name.
    let keepsExisting: Bool

    /// - Parameters:
    ///   - isClip: whether the name has to say that the file is an MP4.
    ///   - keepsExisting: whether the file takes the next free name where the given one is taken.
    package init(_ given: String, isClip: Bool = true, keepsExisting: Bool = false) throws(MediaError) {
        givenPath = given
        self.keepsExisting = keepsExisting
        guard !given.isEmpty else { throw .output(path: "''", problem: .emptyPath) }
        guard !isClip || given.lowercased().hasSuffix(".mp4") else { throw .output(path: given, problem: .notMP4) }
        path = keepsExisting ? given : try Self.followed(given)
        folder = Self.folder(of: path)
        if !keepsExisting { try Self.checkExisting(given, path) }
        var status = stat()
        guard unsafe stat(folder, &status) == 0 else {
            let code = errno
            throw .output(
                path: given,
                problem: code == ENOENT || code == ENOTDIR
                    ? .folderMissing(folder) : .system(call: "stat", errno: code))
        }
        guard unsafe access(folder, W_OK | X_OK) == 0 else { throw failure("access") }
    }

    /// The `number`-th name to try, from 1.
    func name(_ number: Int) -> String {
        guard number > 1 else { return path }
        let dot = path.lastIndex(of: ".") ?? path.endIndex
        return path[..<dot] + "-\(number)" + path[dot...]
    }

    /// The system call `call` that has just failed.
    func failure(_ call: String) -> MediaError {
        .output(path: givenPath, problem: .system(call: call, errno: errno))
    }

    private static func followed(_ given: String) throws(MediaError) -> String {
        var status = stat()
        guard unsafe lstat(given, &status) == 0, status.st_mode & S_IFMT == S_IFLNK else { return given }
        guard let resolved = unsafe realpath(given, nil) else { throw .output(path: given, problem: .danglingLink) }
        defer { unsafe free(resolved) }
        return unsafe String(cString: resolved)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func checkExisting(_ given: String, _ path: String) throws(MediaError) {
        var status = stat()
        guard unsafe stat(path, &status) == 0 else {
            let code = errno
            guard code == ENOENT || code == ENOTDIR else {
                throw .output(path: given, problem: .system(call: "stat", errno: code))
            }
            return
        }
        let kind = status.st_mode & S_IFMT
        guard kind != S_IFDIR else { throw .output(path: given, problem: .isDirectory) }
        guard kind == S_IFREG else { throw .output(path: given, problem: .notRegular) }
        guard unsafe access(path, W_OK) == 0 else { throw .output(path: given, problem: .readOnly) }
    }
}
