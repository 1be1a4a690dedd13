import Glibc

/// Keeps work away from a provider that fails, and lets it back in by trial: a state machine without a clock.
///
/// Every call is told the time; a time before an earlier one counts as the earlier one.
package struct CircuitBreaker: Sendable, Hashable, Codable {
    private(set) package var phase = Phase.closed
    /// The pause that the provider asked for.
    private(set) package var cooldownEnd = -Double.infinity
    /// The key does not do, and nobody has seen to it yet.
    private(set) package var lacksKey = false
    /// Somebody's wish goes before everything.
    package var forced: Forced?
    /// Counts changes of phase: what began before the last one says nothing about this one.
    private var generation = 0
    private var latest = -Double.infinity
    /// Decayed counts.
    private var failures = 0.0
    private var successes = 0.0
    private var consecutiveFailures = 0
    /// Times that it opened without having closed in between.
    private var openings = 0

    package init(forced: Forced? = nil) {
        self.forced = forced
    }

    /// Where it stands.
    package enum Phase: Sendable, Hashable, Codable {
        case closed
        case open(until: Double)
        /// One attempt at a time shows whether the provider is back.
        case halfOpen(successes: Int, isProbing: Bool)
    }

    /// A state that somebody wants, whatever happens.
    package enum Forced: String, Sendable, Hashable, Codable {
        case open
        case closed
    }

    /// Why it stays open whatever the clock says.
    package enum ShutOut: Sendable, Hashable {
        case authentication
        case byHand
    }

    /// How an attempt ended.
    package enum Outcome: Sendable, Hashable {
        case success
        /// The provider's own fault.
        case failure
        /// The key does not do: nothing will change until somebody sees to it.
        case authentication
        /// The provider asked for a pause: no failure.
        case pause(seconds: Double?)
        /// Says nothing about the provider: a bad request, a refusal, a cancelled caller.
        case neutral
    }

    /// Leave to try once; to be given back with the outcome.
    package struct Permit: Sendable, Hashable {
        fileprivate let generation: Int
        package let isProbe: Bool
    }

    /// What it says to an attempt.
    package enum Answer: Sendable, Hashable {
        case allowed
        /// Until this time.
        case open(until: Double)
        case probing
        case coolingDown(until: Double)
        case shutOut(ShutOut)
    }
}

extension CircuitBreaker {
    /// After this long a failure counts half.
    package static let halfLifeSeconds = 600.0
    package static let consecutiveLimit = 3
    /// Decayed failures that open it where they are not fewer than the successes.
    package static let scoreLimit = 4.0
    /// Doubled each time it opens again.
    package static let firstOpenSeconds = 30.0
    package static let longestOpenSeconds = 900.0
    /// The share by which the time open is longer or shorter, lest all come back at once.
    package static let jitter = 0.2
    package static let successesToClose = 2
    /// The pause where the provider names none.
    package static let defaultPauseSeconds = 30.0
    package static let longestPauseSeconds = 86_400.0
    /// The generation of permits whose outcome does not matter.
    private static let uncounted = -1

    /// What an attempt would be told.
    package func answer(at time: Double) -> Answer {
        switch forced {
        case .open: return .shutOut(.byHand)
        case .closed: return .allowed
        case nil: if lacksKey { return .shutOut(.authentication) }
        }
        let now = max(time, latest)
        if cooldownEnd > now { return .coolingDown(until: cooldownEnd) }
        switch phase {
        case .closed: return .allowed
        case .open(let end): return end > now ? .open(until: end) : .allowed
        case .halfOpen(_, let isProbing): return isProbing ? .probing : .allowed
        }
    }

    /// Leave to try, or nil.
    ///
    /// - Parameter inPanic: nobody else is left: what has merely failed may be tried early.
    package mutating func permit(at time: Double, inPanic: Bool = false) -> Permit? {
        let now = advance(to: time)
        if forced == .closed { return Permit(generation: Self.uncounted, isProbe: false) }
        switch answer(at: now) {
        case .shutOut, .coolingDown: return nil
        case .allowed: break
        case .open, .probing:
            guard inPanic else { return nil }
        }
        switch phase {
        case .closed: return Permit(generation: generation, isProbe: false)
        case .open:
            enter(.halfOpen(successes: 0, isProbing: true))
            return Permit(generation: generation, isProbe: true)
        case .halfOpen(_, true): return Permit(generation: generation, isProbe: false)
        case .halfOpen(let successes, false):
            phase = .halfOpen(successes: successes, isProbing: true)
            return Permit(generation: generation, isProbe: true)
        }
    }

    /// Takes note of how an attempt ended.
    ///
    /// - Parameter random: evenly spread from 0 to 1; makes the jitter.
    package mutating func record(_ outcome: Outcome, _ permit: Permit, at time: Double, random: Double) {
        let now = advance(to: time)
        switch outcome {
        case .authentication: lacksKey = true
        case .pause(let seconds): cooldownEnd = max(cooldownEnd, now + Self.pause(seconds))
        case .success, .failure, .neutral: break
        }
        guard permit.generation == generation else { return }
        if permit.isProbe, case .halfOpen(let successes, _) = phase {
            phase = .halfOpen(successes: successes, isProbing: false)
        }
        switch outcome {
        case .success: succeed()
        case .failure, .authentication: fail(at: now, random)
        case .pause, .neutral: break
        }
    }

    /// Forgets everything: somebody has seen to the provider.
    package mutating func reset() {
        let next = generation + 1
        self = CircuitBreaker()
        generation = next
    }

    private mutating func succeed() {
        consecutiveFailures = 0
        successes += 1
        guard case .halfOpen(let count, let isProbing) = phase else { return }
        if count + 1 < Self.successesToClose {
            phase = .halfOpen(successes: count + 1, isProbing: isProbing)
        } else {
            enter(.closed)
            openings = 0
            failures = 0
        }
    }

    private mutating func fail(at now: Double, _ random: Double) {
        consecutiveFailures += 1
        failures += 1
        switch phase {
        case .open: return
        case .halfOpen: break
        case .closed:
            let isWorn = failures >= Self.scoreLimit && failures >= successes
            guard consecutiveFailures >= Self.consecutiveLimit || isWorn else { return }
        }
        var seconds = Self.firstOpenSeconds
        for _ in 0..<min(openings, 10) { seconds *= 2 }
        let factor = 1 + Self.jitter * (2 * min(max(random, 0), 1) - 1)
        enter(.open(until: now + min(min(seconds, Self.longestOpenSeconds) * factor, Self.longestOpenSeconds)))
        openings += 1
    }

    private mutating func enter(_ next: Phase) {
        phase = next
        generation += 1
        consecutiveFailures = 0
    }

    /// Lets counts decay until now.
    private mutating func advance(to time: Double) -> Double {
        guard latest.isFinite else {
            latest = time
            return time
        }
        let now = max(time, latest)
        let rest = exp2((latest - now) / Self.halfLifeSeconds)
        failures *= rest
        successes *= rest
        latest = now
        return now
    }

    private static func pause(_ seconds: Double?) -> Double {
        guard let seconds, seconds.isFinite else { return defaultPauseSeconds }
        return min(max(seconds, 0), longestPauseSeconds)
    }
}

extension CircuitBreaker {
    /// The same on another clock; attempts of the other process are over, and keys are read anew.
    package func restored(movedBy seconds: Double, at now: Double) -> CircuitBreaker {
        var copy = self
        copy.latest = Self.sane(latest + seconds, most: now)
        copy.cooldownEnd = Self.sane(cooldownEnd + seconds, most: now + Self.longestPauseSeconds)
        copy.failures = failures.isFinite ? max(failures, 0) : 0
        copy.successes = successes.isFinite ? max(successes, 0) : 0
        copy.openings = min(max(openings, 0), 10)
        copy.consecutiveFailures = min(max(consecutiveFailures, 0), Self.consecutiveLimit)
        copy.generation = 0
        if lacksKey {
            // It may be another one by now, and who set it right is not made to wait.
            (copy.lacksKey, copy.phase, copy.consecutiveFailures) = (false, .closed, 0)
            (copy.failures, copy.openings) = (0, 0)
        }
        switch copy.phase {
        case .closed: break
        case .open(let end): copy.phase = .open(until: Self.sane(end + seconds, most: now + Self.longestOpenSeconds))
        case .halfOpen(let successes, _):
            copy.phase = .halfOpen(successes: min(max(successes, 0), Self.successesToClose - 1), isProbing: false)
        }
        return copy
    }

    private static func sane(_ time: Double, most: Double) -> Double {
        time.isNaN ? -.infinity : min(time, most)
    }
}
