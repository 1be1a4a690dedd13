import FoundationEssentials

/// The breakers of all providers and models, and their way into a file and back.
package struct BreakerBoard: Sendable, Hashable {
    private var breakers: [Key: CircuitBreaker] = [:]
    /// What clips were thought of.
    package var scores = ScoreBoard()
    /// By provider: holds for models not yet seen as well.
    private var forced: [String: CircuitBreaker.Forced] = [:]

    package init() {}

    /// One model of one provider.
    package struct Key: Sendable, Hashable, Codable {
        package let provider: String
        package let model: String

        package init(provider: String, model: String) {
            self.provider = provider
            self.model = model
        }

        package init(account: String) { self.init(provider: account, model: BreakerBoard.accountModel) }
    }

    /// One key at a cloud, whatever the model.
    package static let accountModel = "\u{1}account"

    package subscript(_ key: Key) -> CircuitBreaker {
        get { breakers[key] ?? CircuitBreaker(forced: forced[key.provider]) }
        set { breakers[key] = newValue }
    }

    /// What stands in the way of any model of a provider, or of its account.
    package func worst(of provider: String, account: String?, at now: Double) -> CircuitBreaker.Answer {
        let keys = breakers.keys.filter { $0.provider == provider }.sorted { $0.model < $1.model }
        let own = keys.isEmpty ? [Key(provider: provider, model: "")] : keys
        let answers = (own + [account.map(Key.init(account:))].compactMap(\.self)).map { self[$0].answer(at: now) }
        return answers.first { $0 != .allowed } ?? .allowed
    }

    package mutating func force(_ provider: String, _ state: CircuitBreaker.Forced) {
        forced[provider] = state
        for key in breakers.keys where key.provider == provider { breakers[key]?.forced = state }
    }

    /// Forgets everything about a provider.
    package mutating func reset(_ provider: String) {
        forced[provider] = nil
        scores.forget(provider)
        for key in breakers.keys where key.provider == provider { breakers[key]?.reset() }
    }
}

extension BreakerBoard {
    /// What is saved: times mean nothing to another process without these two.
    private struct Saved: Codable {
        let clock: Double
        let unixTime: Double
        let forced: [String: CircuitBreaker.Forced]
        let entries: [Entry]
        /// nil where nobody judges clips.
        let scores: [ScoreBoard.Entry]?
    }

    private struct Entry: Codable {
        let key: Key
        let breaker: CircuitBreaker
    }

    package func saved(_ clock: RouterClock) throws -> [UInt8] {
        let entries = breakers.map { Entry(key: $0, breaker: $1) }
            .sorted { ($0.key.provider, $0.key.model) < ($1.key.provider, $1.key.model) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        encoder.nonConformingFloatEncodingStrategy = Self.infinities
        let saved = Saved(
            clock: clock.now(), unixTime: clock.unixTime(), forced: forced, entries: entries,
            scores: scores.isEmpty ? nil : scores.entries)
        return Array(try encoder.encode(saved))
    }

    /// What was saved, its times moved to this process's clock.
    package init(_ bytes: [UInt8], _ clock: RouterClock) throws {
        let decoder = JSONDecoder()
        decoder.nonConformingFloatDecodingStrategy = .convertFromString(
            positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let saved = try decoder.decode(Saved.self, from: Data(bytes))
        guard saved.clock.isFinite, saved.unixTime.isFinite else {
            throw RouterError(.configuration, "its times are no numbers")
        }
        forced = saved.forced
        scores = ScoreBoard(saved.scores ?? [])
        // A wall clock that was set back must not make an outage longer.
        let away = max(clock.unixTime() - saved.unixTime, 0)
        let now = clock.now()
        for entry in saved.entries {
            breakers[entry.key] = entry.breaker.restored(movedBy: now - away - saved.clock, at: now)
        }
    }

    private static let infinities = JSONEncoder.NonConformingFloatEncodingStrategy.convertToString(
        positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
}
