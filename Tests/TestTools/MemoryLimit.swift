import Foundation
package import Testing

/// Programs that the kernel lets have so much memory and no more.
package enum MemoryLimit {
    /// Where groups of processes have limits: version 1 of the kernel's interface, or version 2.
    private static let places = [
        (folder: "/sys/fs/cgroup/memory", limit: "memory.limit_in_bytes"),
        (folder: "/sys/fs/cgroup", limit: "memory.max"),
    ]

    /// Runs a program; the kernel ends it where it cannot do with so many bytes, pages of files included.
    package static func run(_ program: String, _ arguments: [String], bytes: Int) throws -> Subprocess {
        let group = try #require(makeGroup(bytes: bytes))
        defer { remove(group) }
        return try Subprocess(
            "/bin/sh", ["-c", "echo $$ > \(group)/cgroup.procs && exec \"$@\"", "sh", program] + arguments)
    }

    private static func makeGroup(bytes: Int) -> String? {
        for (folder, limit) in places {
            let group = "\(folder)/wan-infer-\(UUID().uuidString)"
            guard unsafe mkdir(group, 0o755) == 0 else { continue }
            if let file = FileHandle(forWritingAtPath: "\(group)/\(limit)"),
                (try? file.write(contentsOf: Data("\(bytes)".utf8))) != nil
            {
                return group
            }
            remove(group)
        }
        return nil
    }

    private static func remove(_ group: String) { _ = unsafe rmdir(group) }

    fileprivate static let isPossible: Bool = {
        guard let group = makeGroup(bytes: 1 << 30) else { return false }
        remove(group)
        return true
    }()
}

extension Trait where Self == ConditionTrait {
    package static var needsMemoryLimit: Self {
        .enabled(if: MemoryLimit.isPossible, "only root can limit memory, and not in every container")
    }
}
