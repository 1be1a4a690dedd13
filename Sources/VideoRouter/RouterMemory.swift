/// Where a router writes down what it has learned about its providers, so that a restart remembers.
public protocol RouterMemory: Sendable {
    /// What was saved last; nil where nothing was.
    func load() throws -> [UInt8]?

    func save(_ bytes: [UInt8]) throws
}
