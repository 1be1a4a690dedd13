import Files

/// Where a router writes down what it has learned about its providers, so that a restart remembers.
public protocol RouterMemory: Sendable {
    /// What was saved last; nil where nothing was.
    func load() throws -> [UInt8]?

    func save(_ bytes: [UInt8]) throws
}

/// A memory in one file.
public struct RouterMemoryFile: RouterMemory {
    private let path: String

    /// The folder must be there; the file need not.
    public init(path: String) {
        self.path = path
    }

    public func load() throws -> [UInt8]? { try FileBytes.read(path) }

    public func save(_ bytes: [UInt8]) throws { try FileBytes.replace(path, with: bytes) }
}
