import FoundationEssentials

/// An empty folder that goes away with its last use.
package final class TemporaryFolder: Sendable {
    package let path: String

    /// - Parameter inMemory: whether it should be where nothing waits for a disk, if this machine has such a place.
    package init(inMemory: Bool = false) throws {
        let memory = "/dev/shm"
        let isPossible = inMemory && FileManager.default.isWritableFile(atPath: memory)
        let parent = isPossible ? URL(filePath: memory) : FileManager.default.temporaryDirectory
        path = parent.appending(path: "wan-infer-test-" + UUID().uuidString).path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    package func file(_ name: String) -> String { path + "/" + name }

    package var names: [String] {
        get throws { try FileManager.default.contentsOfDirectory(atPath: path).sorted() }
    }
}
