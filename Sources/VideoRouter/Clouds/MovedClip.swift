import Crypto
import Glibc

/// Where somebody has put a finished clip, and by what it is known to be the same one.
struct MovedClip: Sendable, Hashable, Codable {
    /// Without symbolic links.
    let place: String
    private let sha256: String

    /// nil for what cannot be read.
    init?(_ path: String) {
        guard let resolved = unsafe realpath(path, nil) else { return nil }
        defer { unsafe free(resolved) }
        place = unsafe String(cString: resolved)
        guard let digest = Self.digest(place) else { return nil }
        sha256 = digest
    }

    /// Whether it is still there, and nothing else in its place.
    var isThere: Bool { Self.digest(place) == sha256 }

    private static func digest(_ path: String) -> String? {
        let descriptor = unsafe open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return try? SHA256.hexOfFile(descriptor: descriptor)
    }
}
