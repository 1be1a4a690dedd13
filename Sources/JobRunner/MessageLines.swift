import FoundationEssentials

/// Messages as lines of JSON, and lines as they come in pieces.
struct MessageLines {
    /// Two prompts of the greatest length, every byte of them escaped, fit many times.
    static let maxBytes = 8 << 20

    private var pending: [UInt8] = []
    /// How far `pending` was searched for a line's end.
    private var searched = 0

    static func line(_ message: WorkerMessage) throws -> [UInt8] {
        var line = [UInt8](try JSONEncoder().encode(message))
        line.append(UInt8(ascii: "\n"))
        return line
    }

    mutating func append(_ bytes: ArraySlice<UInt8>) { pending += bytes }

    /// The next complete message, nil where none is; throws for what is none.
    mutating func next() throws(Fault) -> WorkerMessage? {
        guard let end = pending[searched...].firstIndex(of: UInt8(ascii: "\n")) else {
            searched = pending.count
            guard searched <= Self.maxBytes else { throw Fault() }
            return nil
        }
        let line = pending[..<end]
        do {
            let message = try JSONDecoder().decode(WorkerMessage.self, from: Data(line))
            pending.removeSubrange(...end)
            searched = 0
            return message
        } catch {
            throw Fault()
        }
    }

    /// A line that is no message, or has no end.
    struct Fault: Error {}
}
