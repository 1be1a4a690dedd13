import JobStore
import Synchronization
import VideoTypes

/// Writes down what fails where nobody waits for an answer: once a minute of each kind, however often it is tried.
final class FaultLog: Sendable {
    private static let pauseSeconds = 60.0

    private let log: ServiceLog
    private let clock: ServiceClock
    /// When each kind was last written down.
    private let noted = Mutex<[String: Double]>([:])

    init(_ log: ServiceLog, _ clock: ServiceClock) {
        self.log = log
        self.clock = clock
    }

    /// The value; nil where there is none, which is written down.
    ///
    /// - Parameter what: was to be done, in words that do not change.
    func value<Value>(_ what: String, _ body: () throws(StoreError) -> Value) -> Value? {
        do throws(StoreError) {
            return try body()
        } catch {
            note(what, error)
            return nil
        }
    }

    /// Writes down what stands in the way of something.
    func note(_ what: String, _ error: StoreError) {
        let now = clock.steady()
        let cause = error.videoError.message
        let isNew = noted.withLock { noted in
            if let last = noted[what + cause], now - last < Self.pauseSeconds { return false }
            noted = noted.filter { now - $0.value < Self.pauseSeconds }
            noted[what + cause] = now
            return true
        }
        if isNew { log.fault(what, cause) }
    }
}
