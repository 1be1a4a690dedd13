import Synchronization
import Threads

/// A limited number of places, shared by those who have keys: connections that wait, streams of events.
final class Seats: Sendable {
    private let limit: Int
    private let limitPerName: Int
    private let taken = Mutex(Taken())

    private struct Taken {
        var names: [String: Int] = [:]
        var owners: [String: Int] = [:]

        var count: Int { names.values.reduce(0, +) }
    }

    init(limit: Int, perName: Int? = nil) {
        self.limit = limit
        limitPerName = perName ?? limit
    }

    /// Given back when it is let go.
    final class Seat: Sendable {
        private let seats: Seats
        private let name: String
        private let owner: String?

        fileprivate init(_ seats: Seats, _ name: String, _ owner: String?) {
            self.seats = seats
            self.name = name
            self.owner = owner
        }

        deinit { seats.leave(name, owner) }
    }

    /// nil where all are taken, or this owner has its share.
    ///
    /// - Parameters:
    ///   - name: what the place is for.
    ///   - owner: nil where there is nobody to share with.
    func take(_ name: String, owner: String?) -> Seat? {
        let isTaken = taken.withLock { taken in
            let free = limit - taken.count
            guard free > 0, taken.names[name, default: 0] < limitPerName else { return false }
            if let owner {
                guard FairShare.allows(held: taken.owners[owner, default: 0], free: free) else { return false }
                taken.owners[owner, default: 0] += 1
            }
            taken.names[name, default: 0] += 1
            return true
        }
        return isTaken ? Seat(self, name, owner) : nil
    }

    var count: Int { taken.withLock { $0.count } }

    private func leave(_ name: String, _ owner: String?) {
        taken.withLock { taken in
            Self.leave(name, &taken.names)
            if let owner { Self.leave(owner, &taken.owners) }
        }
    }

    private static func leave(_ name: String, _ counts: inout [String: Int]) {
        let left = counts[name, default: 1] - 1
        counts[name] = left > 0 ? left : nil
    }
}
