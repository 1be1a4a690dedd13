import JobStore
import Synchronization

/// What was foretold of each job when it was submitted, until it is known how it came.
final class Forecasts: Sendable {
    private static let limit = 4096
    private let seconds = Mutex<[JobID: Double]>([:])

    func note(_ id: JobID, _ forecast: Double) {
        seconds.withLock { seconds in
            if seconds.count >= Self.limit { seconds.removeAll() }
            seconds[id] = forecast
        }
    }

    func take(_ id: JobID) -> Double? { seconds.withLock { $0.removeValue(forKey: id) } }
}
