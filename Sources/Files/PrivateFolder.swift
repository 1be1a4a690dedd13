import Glibc

/// A folder that nobody but its owner can write to.
package enum PrivateFolder {
    /// Makes the folder and those above it that are missing; nil, or why it cannot be used.
    package static func make(_ folder: String) -> String? {
        var path = ""
        for part in folder.split(separator: "/") {
            path += "/" + part
            guard unsafe mkdir(path, 0o700) != 0, errno != EEXIST else { continue }
            let failure = errno
            // A parent that exists may refuse with another reason, EROFS for one.
            if unsafe access(path, F_OK) != 0 { return "cannot make \(path): \(SystemError.text(failure))" }
        }
        var facts = stat()
        guard unsafe stat(folder, &facts) == 0 else { return "cannot use \(folder): \(SystemError.text(errno))" }
        guard facts.st_mode & S_IFMT == S_IFDIR else { return "cannot use \(folder): it is no folder" }
        guard facts.st_uid == geteuid(), facts.st_mode & 0o022 == 0 else {
            return "cannot use \(folder): others can write to it"
        }
        return nil
    }
}
