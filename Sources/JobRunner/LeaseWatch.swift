import JobStore
import VideoTypes

/// Looks now and then for claims whose lease ran out.
struct LeaseWatch {
    private var nextLook = 0.0

    /// Gives their jobs back to the queue.
    ///
    /// - Parameter now: of the monotonic clock.
    mutating func look(
        _ store: JobStore, every seconds: Double, at now: Double, _ board: RunnerBoard, log: (String) -> Void
    ) {
        guard now >= nextLook else { return }
        nextLook = now + seconds
        do throws(StoreError) {
            if try !store.expireLeases().isEmpty { board.queueChanged() }
        } catch {
            log("leases cannot be looked at: \(error.videoError.message)")
        }
    }
}
