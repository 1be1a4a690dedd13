import VideoTypes

// Asking the providers.
extension VideoRouter {
    /// What a provider said, before its breaker is looked at.
    struct Answers {
        let answer: ProviderSurvey.Answer
        let health: ProviderHealth
    }

    /// Asks everybody at the same time who is not given up; nobody keeps the others waiting for longer than allowed.
    func ask(_ request: VideoRequest, leavingOut givenUp: Set<String>) async -> [Answers] {
        let asked = providers.enumerated().filter { _, provider in
            !givenUp.contains(provider.name) && !policy.without.contains(provider.name)
        }
        let clock = clock
        let known = health.filter { clock.now() - $0.value.at < policy.healthSeconds }
        let end = clock.now() + policy.capabilitiesSeconds
        let found = await withTaskGroup(of: (Int, Answers).self) { group in
            for (index, provider) in asked {
                let health = known[provider.name]?.health
                group.addTask {
                    async let state = Self.health(provider, health, until: end, clock)
                    let answer = await Self.capabilities(provider, request, until: end, clock)
                    return (index, Answers(answer: answer, health: await state))
                }
            }
            var found: [Int: Answers] = [:]
            for await (index, answers) in group { found[index] = answers }
            return found
        }
        let now = clock.now()
        for (index, answers) in found where known[providers[index].name] == nil {
            health[providers[index].name] = (now, answers.health)
        }
        let silent = Answers(answer: .failed("it was not asked"), health: .ready)
        return providers.indices.map { found[$0] ?? silent }
    }

    /// Asks everybody about its health of whom nothing fresh is known.
    func askHealths() async {
        let clock = clock
        let fresh = health.filter { clock.now() - $0.value.at < policy.healthSeconds }
        let end = clock.now() + policy.capabilitiesSeconds
        let found = await withTaskGroup(of: (String, ProviderHealth).self) { group in
            for provider in providers where fresh[provider.name] == nil {
                group.addTask { (provider.name, await Self.health(provider, nil, until: end, clock)) }
            }
            var found: [String: ProviderHealth] = [:]
            for await (name, health) in group { found[name] = health }
            return found
        }
        for (name, state) in found { health[name] = (clock.now(), state) }
    }

    /// What they said, with what their breakers say now.
    func surveys(_ answers: [Answers], at now: Double) -> [ProviderSurvey] {
        zip(providers, answers).enumerated().map { order, pair in
            let (provider, said) = pair
            var breaker = CircuitBreaker.Answer.allowed
            var score = ScoreBoard.start
            if case .capabilities(let capabilities) = said.answer {
                let key = BreakerBoard.Key(provider: provider.name, model: capabilities.model)
                score = board.scores[key]
                breaker = board[key].answer(at: now)
                if breaker == .allowed, let account = provider.account {
                    breaker = board[.init(account: account)].answer(at: now)
                }
            }
            return ProviderSurvey(
                provider: provider.name, order: order, answer: said.answer, breaker: breaker, health: said.health,
                score: score)
        }
    }

    /// Whether a provider takes no seed of a request: then it draws another one each time by itself.
    func drawsSeeds(_ provider: any VideoProvider, _ request: VideoRequest) async -> Bool {
        let end = clock.now() + policy.capabilitiesSeconds
        guard case .capabilities(let said) = await Self.capabilities(provider, request, until: end, clock) else {
            return false
        }
        return said.obstacles.contains { $0.parameter == RequestField[.seed]?.parameter?.name }
    }

    private static func capabilities(
        _ provider: any VideoProvider, _ request: VideoRequest, until end: Double, _ clock: RouterClock
    ) async -> ProviderSurvey.Answer {
        // A thread and a timer for each would take longer than all the arithmetic.
        guard !provider.answersAtOnce(request) else { return await said(by: provider, request) }
        let result = await Attempt<ProviderSurvey.Answer>().run(until: end, clock) { await said(by: provider, request) }
        switch result {
        case .finished(let answer): return answer
        case .timedOut: return .failed("it did not tell in time what it can do")
        case .cancelled: return .failed("cancelled")
        }
    }

    private static func said(by provider: any VideoProvider, _ request: VideoRequest) async -> ProviderSurvey.Answer {
        do throws(ProviderError) {
            return .capabilities(try await provider.capabilities(for: request))
        } catch {
            return .failed("it did not tell what it can do: \(error.message)")
        }
    }

    private static func health(
        _ provider: any VideoProvider, _ known: ProviderHealth?, until end: Double, _ clock: RouterClock
    ) async -> ProviderHealth {
        if let known { return known }
        return switch await Attempt<ProviderHealth>().run(until: end, clock, { await provider.healthCheck() }) {
        case .finished(let health): health
        case .timedOut: .unavailable(["no answer about its health in time"])
        case .cancelled: .ready
        }
    }
}
