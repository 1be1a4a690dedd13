import TestTools
import Testing

@testable import VideoRouter

/// The breaker alone: time and chance are numbers here.
@Suite(.bounded) struct CircuitBreakerTests {
    /// Steps of a random walk, the same in every run.
    private struct Random {
        var state: UInt64

        mutating func next() -> UInt64 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            return state
        }

        mutating func unit() -> Double { Double(next() >> 11) * 0x1p-53 }
        mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
    }

    private static func failed(_ times: Int, at time: Double = 0) throws -> CircuitBreaker {
        var breaker = CircuitBreaker()
        for _ in 0..<times {
            let permit = try breaker.granted(at: time)
            breaker.record(.failure, permit, at: time, random: 0.5)
        }
        return breaker
    }

    @Test func `two failures in a row do not open it, three do, for half a minute`() throws {
        #expect(try Self.failed(2).answer(at: 0) == .allowed)
        #expect(try Self.failed(3).answer(at: 0) == .open(until: 30))
        #expect(try Self.failed(3).answer(at: 29.9) == .open(until: 30))
        #expect(try Self.failed(3).answer(at: 30) == .allowed)
    }

    @Test func `failures between successes open it when they are close together, and fade`() throws {
        func opens(every seconds: Double) throws -> Bool {
            var breaker = CircuitBreaker()
            for step in 0..<40 {
                let time = Double(step) * seconds
                guard let permit = breaker.permit(at: time) else { return true }
                // Two failures, then a success: never three in a row.
                breaker.record(step % 3 == 2 ? .success : .failure, permit, at: time, random: 0.5)
            }
            return false
        }
        #expect(try opens(every: 10))
        #expect(try !opens(every: 1200))
    }

    @Test func `half open lets one through at a time, and two successes close it`() throws {
        var breaker = try Self.failed(3)
        let probe = try breaker.granted(at: 30)
        #expect(breaker.answer(at: 30) == .probing)
        #expect(breaker.refuses(at: 31))
        breaker.record(.success, probe, at: 32, random: 0.5)
        let second = try breaker.granted(at: 32)
        #expect(breaker.refuses(at: 32))
        breaker.record(.success, second, at: 33, random: 0.5)
        #expect(breaker.phase == .closed)
        _ = try breaker.granted(at: 33)
        _ = try breaker.granted(at: 33)
    }

    @Test func `a probe that says nothing about the provider gives its leave back`() throws {
        var breaker = try Self.failed(3)
        let probe = try breaker.granted(at: 30)
        breaker.record(.neutral, probe, at: 31, random: 0.5)
        #expect(breaker.answer(at: 31) == .allowed)
        #expect(breaker.phase == .halfOpen(successes: 0, isProbing: false))
    }

    @Test func `the time open doubles to a quarter of an hour, with a fifth of chance`() throws {
        for (random, factor) in [(0.0, 0.8), (0.5, 1), (1, 1.2)] {
            var breaker = try Self.failed(2)
            var time = 0.0
            for base in [30.0, 60, 120, 240, 480, 900, 900, 900] {
                let permit = try breaker.granted(at: time)
                breaker.record(.failure, permit, at: time, random: random)
                guard case .open(let end) = breaker.phase else {
                    Issue.record("not open")
                    return
                }
                #expect(abs(end - time - min(base * factor, 900)) < 1e-9)
                time = end
            }
        }
    }

    @Test func `a wrong key shuts it until somebody resets it`() throws {
        var breaker = CircuitBreaker()
        let permit = try breaker.granted(at: 0)
        breaker.record(.authentication, permit, at: 0, random: 0.5)
        #expect(breaker.answer(at: 1e9) == .shutOut(.authentication))
        #expect(breaker.refuses(at: 1e9, inPanic: true))
        breaker.reset()
        #expect(breaker.answer(at: 1e9) == .allowed)
    }

    @Test func `a process that begins reads the key anew, and lets it in at once`() throws {
        let clock = ManualClock()
        let key = BreakerBoard.Key(provider: "p", model: "m")
        var board = BreakerBoard()
        var breaker = CircuitBreaker()
        for _ in 0..<3 {
            guard let permit = breaker.permit(at: clock.now) else { break }
            breaker.record(.authentication, permit, at: clock.now, random: 0.5)
            breaker = breaker.restored(movedBy: 0, at: clock.now)
            #expect(breaker.answer(at: clock.now) == .allowed)
        }
        let permit = try breaker.granted(at: clock.now)
        breaker.record(.pause(seconds: 20), permit, at: clock.now, random: 0.5)
        breaker.record(.authentication, permit, at: clock.now, random: 0.5)
        board[key] = breaker
        let restored = try BreakerBoard(board.saved(clock.routerClock), clock.routerClock)[key]
        // What it asked for is no matter of the key.
        #expect(restored.answer(at: clock.now) == .coolingDown(until: clock.now + 20))
        #expect(restored.answer(at: clock.now + 21) == .allowed)
    }

    @Test(arguments: [(12.5, 12.5), (nil, 30), (.nan, 30), (.infinity, 30), (-5, 0), (1e300, 86_400)])
    func `a pause asked for is kept and is no failure`(_ asked: Double?, _ kept: Double) throws {
        var breaker = CircuitBreaker()
        let permit = try breaker.granted(at: 100)
        breaker.record(.pause(seconds: asked), permit, at: 100, random: 0.5)
        #expect(breaker.cooldownEnd == 100 + kept)
        #expect(breaker.phase == .closed)
        if kept > 0 {
            #expect(breaker.answer(at: 100) == .coolingDown(until: 100 + kept))
            #expect(breaker.refuses(at: 100, inPanic: true))
        }
        #expect(breaker.answer(at: 100 + kept) == .allowed)
    }

    @Test func `somebody's wish goes before everything`() throws {
        var breaker = try Self.failed(3)
        breaker.forced = .closed
        for _ in 0..<9 {
            let permit = try breaker.granted(at: 1)
            breaker.record(.failure, permit, at: 1, random: 0.5)
        }
        #expect(breaker.answer(at: 1) == .allowed)
        breaker.forced = .open
        #expect(breaker.answer(at: 1e9) == .shutOut(.byHand) && breaker.refuses(at: 1e9, inPanic: true))
        breaker.forced = nil
        #expect(breaker.answer(at: 1) == .open(until: 30))
    }

    @Test func `what began before it opened no longer counts`() throws {
        var breaker = try Self.failed(2)
        let late = try breaker.granted(at: 0)
        let last = try breaker.granted(at: 0)
        breaker.record(.failure, last, at: 0, random: 0.5)
        let probe = try breaker.granted(at: 30)
        breaker.record(.failure, late, at: 31, random: 0.5)
        #expect(breaker.answer(at: 31) == .probing)
        breaker.record(.success, late, at: 31, random: 0.5)
        breaker.record(.success, probe, at: 31, random: 0.5)
        #expect(breaker.phase == .halfOpen(successes: 1, isProbing: false))
    }

    @Test func `in panic what has failed is tried early`() throws {
        var breaker = try Self.failed(3)
        let probe = try breaker.granted(at: 1, inPanic: true)
        // Somebody else is in panic as well.
        #expect(breaker.refuses(at: 1) && !breaker.refuses(at: 1, inPanic: true))
        breaker.record(.failure, probe, at: 2, random: 0.5)
        #expect(breaker.answer(at: 2) == .open(until: 62))
    }

    @Test func `a restart remembers, whatever the clocks of the two processes say`() throws {
        let clock = ManualClock()
        let key = BreakerBoard.Key(provider: "p", model: "m")
        var board = BreakerBoard()
        board[key] = try Self.failed(3, at: clock.now)
        board.force("other", .open)
        let bytes = try board.saved(clock.routerClock)
        // Ten seconds later, in a process whose clock begins elsewhere.
        let unixTime = clock.routerClock.unixTime() + 10
        let later = RouterClock(
            now: { 5 }, unixTime: { unixTime }, sleep: { _ throws(CancellationError) in })
        let restored = try BreakerBoard(bytes, later)
        #expect(restored[key].answer(at: 5) == .open(until: 25))
        #expect(restored[.init(provider: "other", model: "new")].answer(at: 5) == .shutOut(.byHand))
        // A wall clock that was set back makes nothing longer.
        let back = RouterClock(now: { 5 }, unixTime: { unixTime - 1e6 }, sleep: { _ throws(CancellationError) in })
        #expect(try BreakerBoard(bytes, back)[key].answer(at: 5) == .open(until: 35))
    }

    @Test func `a damaged memory is none, or a sane one`() throws {
        let clock = ManualClock().routerClock
        var board = BreakerBoard()
        board[.init(provider: "p", model: "m")] = try Self.failed(3, at: clock.now())
        let bytes = try board.saved(clock)
        var random = Random(state: 88)
        var read = 0
        for _ in 0..<3000 {
            var damaged = bytes
            // Half of them only other numbers: JSON all the same.
            let places =
                random.below(2) == 0 ? Array(damaged.indices) : damaged.indices.filter { Self.isDigit(damaged[$0]) }
            for _ in 0...random.below(3) {
                damaged[places[random.below(places.count)]] =
                    places.count < damaged.count ? UInt8(48 + random.below(10)) : UInt8(random.below(256))
            }
            guard let found = try? BreakerBoard(damaged, clock) else { continue }
            read += 1
            var breaker = found[.init(provider: "p", model: "m")]
            // Nothing keeps a provider out for ever but a missing key or a hand.
            if case .shutOut = breaker.answer(at: 0) { continue }
            let permit = try breaker.granted(at: clock.now() + CircuitBreaker.longestPauseSeconds)
            breaker.record(.success, permit, at: clock.now(), random: 0.5)
        }
        #expect(read > 100)
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (48...57).contains(byte) }

    @Test func `its promises hold on random walks`() throws {
        var random = Random(state: 1234)
        for _ in 0..<300 {
            var breaker = CircuitBreaker()
            var time = 0.0
            var running: [CircuitBreaker.Permit] = []
            for _ in 0..<200 {
                time += random.unit() * [0.1, 20, 600][random.below(3)]
                let before = breaker
                if random.below(2) == 0 || running.isEmpty {
                    let permit = breaker.permit(at: time)
                    #expect((permit != nil) == (before.answer(at: time) == .allowed))
                    if case .open(let end) = before.phase, end > time { #expect(permit == nil) }
                    if let permit { running.append(permit) }
                    #expect(running.count(where: \.isProbe) <= 1)
                } else {
                    let permit = running.remove(at: random.below(running.count))
                    let outcomes: [CircuitBreaker.Outcome] = [
                        .success, .failure, .failure, .neutral, .pause(seconds: 5),
                    ]
                    let outcome = outcomes[random.below(outcomes.count)]
                    breaker.record(outcome, permit, at: time, random: random.unit())
                    guard case .open(let end) = breaker.phase, breaker.phase != before.phase else { continue }
                    #expect(outcome == .failure)
                    #expect(end - time >= 24 - 1e-6 && end - time <= 900 + 1e-6)
                }
            }
            for permit in running { breaker.record(.neutral, permit, at: time, random: 0) }
            // Left alone it always comes back, in this process and in the next.
            #expect(breaker.answer(at: time + 901) == .allowed)
            try expectSameAfterRestart(breaker, at: time)
        }
    }

    private func expectSameAfterRestart(_ breaker: CircuitBreaker, at time: Double) throws {
        let clock = RouterClock(now: { time }, unixTime: { 0 }, sleep: { _ throws(CancellationError) in })
        let key = BreakerBoard.Key(provider: "p", model: "m")
        var board = BreakerBoard()
        board[key] = breaker
        let bytes = try board.saved(clock)
        let restored = try BreakerBoard(bytes, clock)[key]
        for seconds in [0.0, 1, 29, 31, 100, 901] {
            #expect(restored.answer(at: time + seconds) == breaker.answer(at: time + seconds))
        }
    }
}

extension CircuitBreaker {
    /// Leave to try, where there must be one.
    fileprivate mutating func granted(at time: Double, inPanic: Bool = false) throws -> Permit {
        let permit = permit(at: time, inPanic: inPanic)
        return try #require(permit)
    }

    /// Whether it would give no leave.
    fileprivate func refuses(at time: Double, inPanic: Bool = false) -> Bool {
        var copy = self
        return copy.permit(at: time, inPanic: inPanic) == nil
    }
}
