import Foundation
package import TestSupport
package import Testing

/// A disk of a few MiB in memory.
package final class SmallDisk: Sendable {
    package let folder: TemporaryFolder

    /// - Parameter names: of files and folders that it has room for; nil for plenty.
    package init(kibibytes: Int, names: Int? = nil) throws {
        folder = try TemporaryFolder()
        let options = "size=\(kibibytes)k" + (names.map { ",nr_inodes=\($0)" } ?? "")
        let mount = try Subprocess("/bin/mount", ["-t", "tmpfs", "-o", options, "tmpfs", folder.path])
        try #require(mount.status == 0, "\(mount.errors)")
    }

    deinit { _ = try? Subprocess("/bin/umount", ["-l", folder.path]) }

    /// Only root can mount one, and in a container not even root.
    fileprivate static let isPossible = getuid() == 0 && canMount

    private static var canMount: Bool {
        guard let folder = try? TemporaryFolder(),
            let mount = try? Subprocess("/bin/mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", folder.path])
        else { return false }
        guard mount.status == 0 else { return false }
        return (try? Subprocess("/bin/umount", ["-l", folder.path]))?.status == 0
    }

    /// Leaves no room at all.
    package func fill() throws {
        let path = folder.file("filling")
        _ = FileManager.default.createFile(atPath: path, contents: nil)
        let file = try #require(FileHandle(forWritingAtPath: path))
        for size in [1 << 20, 4096, 1] {
            let bytes = Data(count: size)
            while (try? file.write(contentsOf: bytes)) != nil {}
        }
    }
}

extension Trait where Self == ConditionTrait {
    package static var needsSmallDisk: Self {
        .enabled(if: SmallDisk.isPossible, "only root can mount a small disk, and not in every container")
    }

    package static var needsRoot: Self { .enabled(if: getuid() == 0, "only root can give up rights") }
}
