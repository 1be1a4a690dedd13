import Synchronization

/// A few connections that read beside the writer, opened when they are needed.
final class ReaderPool: Sendable {
    private final class Reader: Sendable {
        let connection = Mutex<Connection?>(nil)
    }

    private let path: String
    private let readers = (0..<4).map { _ in Reader() }
    private let turn = Atomic(0)

    init(_ path: String) {
        self.path = path
    }

    /// Reads with a connection that is free, or waits for one.
    func read<T: Sendable>(_ body: (Connection) throws(StoreError) -> T) throws(StoreError) -> T {
        let first = turn.add(1, ordering: .relaxed).oldValue
        for offset in 0..<readers.count {
            let reader = readers[Int(UInt(bitPattern: first &+ offset) % UInt(readers.count))]
            let found = try reader.connection.withLockIfAvailable { (connection) throws(StoreError) in
                try self.read(&connection, body)
            }
            if let found { return found }
        }
        let reader = readers[Int(UInt(bitPattern: first) % UInt(readers.count))]
        return try reader.connection.withLock { (connection) throws(StoreError) in try self.read(&connection, body) }
    }

    private func read<T>(
        _ connection: inout Connection?, _ body: (Connection) throws(StoreError) -> T
    ) throws(StoreError) -> T {
        let reader = if let connection { connection } else { try Connection(path, canWrite: false) }
        // One that fails is not used again.
        connection = nil
        let result = try body(reader)
        connection = reader
        return result
    }
}
