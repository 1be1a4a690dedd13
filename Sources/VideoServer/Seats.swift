import Synchronization

/// A limited number of places: connections that wait, streams of events.
final class Seats: Sendable {
    private let limit: Int
    private let limitPerName: Int
    private let taken = Mutex<[String: Int]>([:])

    init(limit: Int, perName: Int? = nil) {
        self.limit = limit
        limitPerName = perName ?? limit
    }

    /// Given back when it is let go.
    final class Seat: Sendable {
        private let seats: Seats
        private let name: String

        fileprivate init(_ seats: Seats, _ name: String) {
            self.seats = seats
            self.name = name
        }

        deinit { seats.leave(name) }
    }

    /// nil where all are taken.
    func take(_ name: String) -> Seat? {
        let isTaken = taken.withLock { taken in
            guard taken.values.reduce(0, +) < limit, taken[name, default: 0] < limitPerName else { return false }
            taken[name, default: 0] += 1
            return true
        }
        return isTaken ? Seat(self, name) : nil
    }

    var count: Int { taken.withLock { $0.values.reduce(0, +) } }

    private func leave(_ name: String) {
        taken.withLock { taken in
            let left = taken[name, default: 1] - 1
            taken[name] = left > 0 ? left : nil
        }
    }
}
