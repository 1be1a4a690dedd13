import Glibc
import JobStore
import Synchronization
import VideoProvider

/// Follows the journal: counts and logs what is finished, and clears away what is too old.
final class JournalWatch: Sendable {
    private static let sweepSeconds = 30.0

    private let store: JobStore
    private let metrics: MetricBook
    private let forecasts: Forecasts
    private let economics: Economics
    private let log: ServiceLog
    private let faults: FaultLog
    private let quotaBytes: Int?
    private let clock: ServiceClock
    private let isStopping = Mutex(false)

    init(
        store: JobStore, metrics: MetricBook, forecasts: Forecasts, economics: Economics, log: ServiceLog,
        faults: FaultLog, quotaBytes: Int?, clock: ServiceClock
    ) {
        self.store = store
        self.metrics = metrics
        self.forecasts = forecasts
        self.economics = economics
        self.log = log
        self.faults = faults
        self.quotaBytes = quotaBytes
        self.clock = clock
    }

    func stop() { isStopping.withLock { $0 = true } }

    /// Runs on a thread of its own.
    ///
    /// - Parameter first: the last event that is not news.
    func run(after first: Int) {
        var last = first
        var sweptAt = -Double.infinity
        while !isStopping.withLock({ $0 }) {
            _ = store.wait(after: last, seconds: 1)
            // Clients hear of it without a path.
            if let trouble = store.trouble { faults.note("keeping clips", trouble) }
            let found = faults.value("reading events") { () throws(StoreError) in try store.events(after: last) }
            guard let events = found else {
                // A journal that cannot be read now is asked again later, not at once.
                sleep(1)
                continue
            }
            for event in events {
                last = event.number
                if EventText.isFinal(event) { take(event.job) }
            }
            if clock.steady() - sweptAt >= Self.sweepSeconds {
                sweptAt = clock.steady()
                _ = faults.value("clearing away what is too old") { () throws(StoreError) in
                    try store.sweep(quotaBytes: quotaBytes)
                }
            }
        }
    }

    private func take(_ id: JobID) {
        let forecast = forecasts.take(id)
        let job = faults.value("reading a job") { () throws(StoreError) in try store.job(id) }
        guard let job = job ?? nil else { return }
        metrics.count(job, forecast: forecast, economics: economics)
        log.job(job)
    }
}
