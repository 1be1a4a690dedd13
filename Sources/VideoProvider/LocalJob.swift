import VideoTypes

/// One clip to be made, and everybody who waits for it.
struct LocalJob {
    typealias Outcome = Result<VideoResult, ProviderError>

    /// One caller of `generate`.
    struct Waiter {
        let ticket: Int
        let progress: @Sendable (VideoProgress) -> Void
        let finish: @Sendable (Outcome) -> Void
    }

    let number: Int
    let request: VideoRequest
    let plan: ClipPlan
    /// Seconds of the clock at which it was asked for.
    let submitted: Double
    var waiters: [Waiter]
    /// Why it is to stop.
    var stop: ProviderError?
    /// While it is being made.
    var progress: ClipProgress?
    var started = 0.0

    init(number: Int, request: VideoRequest, plan: ClipPlan, submitted: Double, waiter: Waiter) {
        self.number = number
        self.request = request
        self.plan = plan
        self.submitted = submitted
        waiters = [waiter]
    }

    func isLate(_ now: Double) -> Bool { request.maxLatencySeconds.map { now - submitted > $0 } ?? false }

    /// Tells everybody; outside of any lock.
    func finish(_ outcome: Outcome) {
        for waiter in waiters { waiter.finish(outcome) }
    }
}
