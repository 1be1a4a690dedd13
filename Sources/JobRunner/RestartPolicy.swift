/// When a worker that died is started again, and when something must be wrong with all of them.
struct RestartPolicy {
    private let firstDelay: Double
    private let maxDelay: Double
    private let breaker: Int
    /// Since a worker last did its work to the end.
    private(set) var deathsInARow = 0
    private(set) var isHealthy = true

    init(_ options: JobRunnerOptions) {
        firstDelay = options.restartDelaySeconds
        maxDelay = options.maxRestartDelaySeconds
        breaker = options.breakerRestarts
    }

    /// Notes a death; seconds to wait before the next start.
    mutating func died() -> Double {
        deathsInARow += 1
        if deathsInARow >= breaker { isHealthy = false }
        // 2³⁰ first delays are beyond any limit.
        return min(maxDelay, firstDelay * Double(1 << min(deathsInARow - 1, 30)))
    }

    /// The engine is open again, which deserves a try: the next death ends it at once.
    mutating func opened() { isHealthy = true }

    mutating func worked() {
        deathsInARow = 0
        isHealthy = true
    }
}
