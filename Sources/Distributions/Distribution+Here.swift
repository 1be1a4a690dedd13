import Glibc

extension Distribution {
    /// The release of this machine; nil where it is none that is known.
    package static let here: Distribution? = known(as: osRelease("/etc/os-release"))

    /// The release that the text of an os-release file names, or the one that it is derived from.
    package static func known(as osRelease: String) -> Distribution? {
        let fields = ["VERSION_CODENAME=", "UBUNTU_CODENAME=", "DEBIAN_CODENAME="]
        for line in osRelease.split(separator: "\n") {
            guard let field = fields.first(where: { line.hasPrefix($0) }) else { continue }
            let codename = line.dropFirst(field.count).filter { $0 != "\"" && $0 != "'" }
            if let found = known.first(where: { $0.codename == codename }) { return found }
        }
        return nil
    }

    private static func osRelease(_ path: String) -> String {
        guard let file = unsafe fopen(path, "re") else { return "" }
        defer { unsafe fclose(file) }
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: 1 << 14) { buffer, count in
            count = unsafe fread(buffer.baseAddress, 1, buffer.count, file)
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
