import Synchronization

/// Orders that were turned away, by their hash, until they come again.
final class RefusedOrders: Sendable {
    private static let limit = 4096
    private let counts = Mutex<[String: Int]>([:])

    func note(_ hash: String) {
        counts.withLock { counts in
            if counts.count >= Self.limit { counts.removeAll() }
            counts[hash, default: 0] += 1
        }
    }

    /// Whether such an order was turned away and has not come again yet.
    func take(_ hash: String) -> Bool {
        counts.withLock { counts in
            guard let count = counts[hash] else { return false }
            counts[hash] = count > 1 ? count - 1 : nil
            return true
        }
    }
}
