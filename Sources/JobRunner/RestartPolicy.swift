/// When a worker that died is started again, and when something must be wrong with all of them.
struct RestartPolicy {
    private let firstDelay: Double
    private let maxDelay: Double
    private let breaker: Int
    /// Since a worker last did its work to the end.
    private(set) var deathsInARow = 0

    init(_ options: JobRunnerOptions) {
        firstDelay = options.restartDelaySeconds
        maxDelay = options.maxRestartDelaySeconds
        breaker = options.breakerRestarts
    }

    var isHealthy: Bool { deathsInARow < breaker }

    /// Notes a death; seconds to wait before the next start.
    mutating func died() -> Double {
        deathsInARow += 1
        // 2³⁰ first delays are beyond any limit.
        return min(maxDelay, firstDelay * Double(1 << min(deathsInARow - 1, 30)))
    }

    mutating func worked() { deathsInARow = 0 }
}
