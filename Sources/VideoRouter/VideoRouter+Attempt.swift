import VideoTypes

// One attempt: the call, its limit, its cost, and what it says about the provider.
extension VideoRouter {
    /// What came of it.
    struct Tried {
        let result: Result<VideoResult, ProviderError>
        let judgement: ClipJudgement?
        /// Whether the router put an end to it.
        let wasCut: Bool

        /// Why the clip, though a clip, shows nothing.
        var emptiness: String? {
            guard case .empty(let reason, _) = judgement?.verdict else { return nil }
            return reason
        }
    }

    /// Asks the provider for the clip and looks at it; nil where its breaker does not let us.
    func attempt(
        _ request: VideoRequest, _ provider: any VideoProvider, _ finding: ProviderFinding, _ route: inout Route,
        _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async -> Tried? {
        let key = BreakerBoard.Key(provider: provider.name, model: finding.model ?? "")
        let startedAt = clock.now()
        guard let permit = board[key].permit(at: startedAt, inPanic: route.ranking.isPanic) else { return nil }
        let call = await generate(request, provider, finding, route, progress)
        let seconds = clock.now() - startedAt
        var tried = Tried(result: call.result, judgement: nil, wasCut: call.wasCut)
        if case .success(let clip) = call.result, policy.checksQuality {
            tried = await judged(clip, request, route)
        }
        let dollars = await charged(tried.result, call, request, finding, provider)
        if let dollars { route.money.charge(.init(provider: finding.provider, id: request.id), dollars) }
        board[key].record(
            outcome(tried, seconds, finding, route), permit, at: clock.now(), random: random())
        tell(provider.account, outcome(tried, seconds, finding, route))
        remember()
        health[provider.name] = nil
        var record = AttemptRecord(
            provider: provider.name, model: finding.model ?? "", requestID: request.id,
            startedAfter: startedAt - route.startedAt, seconds: seconds, quotedDollars: finding.costDollars ?? 0)
        record.costDollars = dollars
        switch tried.result {
        case .success:
            record.outcome = tried.emptiness == nil ? "done" : "empty"
            record.message = tried.emptiness ?? ""
        case .failure(let error):
            record.outcome = error.name
            record.message = error.message
        }
        route.attempts.append(record)
        figures[provider.name, default: ProviderFigures()].count(record, clip: try? tried.result.get())
        return tried
    }

    /// A key that does not do, or a pause that was asked for, holds for all models of the account.
    private func tell(_ account: String?, _ outcome: CircuitBreaker.Outcome) {
        guard let account else { return }
        switch outcome {
        case .authentication, .pause, .success: break
        case .failure, .neutral: return
        }
        let key = BreakerBoard.Key(account: account)
        let now = clock.now()
        guard let permit = board[key].permit(at: now) else { return }
        board[key].record(outcome, permit, at: now, random: random())
    }

    private struct Call {
        let result: Result<VideoResult, ProviderError>
        let wasCut: Bool
    }

    /// Waits for the provider until the request's time is up, or the provider has taken far longer than it said.
    private func generate(
        _ request: VideoRequest, _ provider: any VideoProvider, _ finding: ProviderFinding, _ route: Route,
        _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async -> Call {
        let hung = clock.now() + patience(finding)
        let end = min(hung, route.deadline ?? .infinity)
        let attempt = Attempt<Result<VideoResult, ProviderError>>()
        let ended = await route.handle.run(attempt, until: end, clock) {
            do throws(ProviderError) {
                return .success(
                    try await provider.generate(request) { step in
                        // What a provider says after its time would confuse who listens to the next one.
                        if attempt.isOpen { progress(step) }
                    })
            } catch {
                return .failure(error)
            }
        }
        switch ended {
        case .finished(let result): return Call(result: result, wasCut: false)
        case .timedOut:
            await cancel(request.id, at: provider)
            let isLate = route.deadline.map { $0 <= hung } ?? false
            return Call(
                result: .failure(isLate ? .deadline : .timeout("no clip after \(Int(patience(finding))) s")),
                wasCut: true)
        case .cancelled:
            await cancel(request.id, at: provider)
            return Call(result: .failure(.cancelled), wasCut: true)
        }
    }

    /// How long a provider may take before it counts as hung, in seconds.
    private func patience(_ finding: ProviderFinding) -> Double {
        guard let p90 = finding.estimate?.p90, p90.isFinite else { return policy.unknownAttemptSeconds }
        return min(max(p90 * policy.hangFactor, policy.leastAttemptSeconds), Self.longestPatience)
    }

    /// A month.
    private static let longestPatience = 2_592_000.0
    /// A provider that is told to stop may take this long to say that it does.
    private static let cancelSeconds = 1.0

    private func cancel(_ id: VideoRequest.ID, at provider: any VideoProvider) async {
        let clock = clock
        // In a task of its own: this one may be cancelled already.
        await Task {
            _ = await Attempt<Void>().run(until: clock.now() + Self.cancelSeconds, clock) { await provider.cancel(id) }
        }.value
    }

    private func judged(_ clip: VideoResult, _ request: VideoRequest, _ route: Route) async -> Tried {
        let gate = gate
        let expectation = ClipExpectation(request, clip)
        let ended = await route.handle.run(
            Attempt<ClipJudgement>(), until: clock.now() + Self.judgeSeconds, clock
        ) { gate(clip.path, expectation) }
        guard case .finished(let judgement) = ended else {
            // Not the clip's fault, as far as anybody knows.
            return Tried(result: .success(clip), judgement: nil, wasCut: false)
        }
        guard case .broken(let reason) = judgement.verdict else {
            return Tried(result: .success(clip), judgement: judgement, wasCut: false)
        }
        return Tried(result: .failure(.corruptOutput(reason)), judgement: judgement, wasCut: false)
    }

    /// What the scorer makes of a good clip, as long as there is time; nil where there is no scorer.
    func scored(_ clip: VideoResult, _ finding: ProviderFinding, _ route: Route) async -> ClipScore? {
        guard let scorer else { return nil }
        let (prompt, end) = (route.request.prompt, clock.now() + scorer.seconds)
        let ended = await route.handle.run(
            Attempt<ClipScore>(), until: min(end, route.deadline ?? .infinity), clock
        ) { await scorer.score(clip.path, prompt: prompt) }
        guard case .finished(let score) = ended else { return ClipScore.none("the scorer did not answer in time") }
        if case .points(let points) = score {
            board.scores.learn(.init(provider: finding.provider, model: finding.model ?? ""), points)
            remember()
        }
        return score
    }

    /// The longest look at a clip.
    private static let judgeSeconds = 120.0

    /// What the attempt has cost, whatever came of it; nil for nothing.
    private func charged(
        _ result: Result<VideoResult, ProviderError>, _ call: Call, _ request: VideoRequest,
        _ finding: ProviderFinding, _ provider: any VideoProvider
    ) async -> Double? {
        if case .success(let clip) = call.result { return clip.costDollars }
        if let dollars = await provider.spentDollars(on: request.id) { return dollars }
        guard case .failure(let error) = result, call.wasCut || FailureRule(error).mayBeCharged else { return nil }
        return finding.costDollars ?? 0
    }

    /// What the breaker is told.
    private func outcome(
        _ tried: Tried, _ seconds: Double, _ finding: ProviderFinding, _ route: Route
    ) -> CircuitBreaker.Outcome {
        switch tried.result {
        case .success:
            guard case .empty(_, let isFault) = tried.judgement?.verdict else { return .success }
            return isFault ? .failure : .neutral
        case .failure(.deadline) where tried.wasCut:
            // The request was in a hurry; but who takes twice the time that nine in ten need is at fault.
            guard let p90 = finding.estimate?.p90, p90 > 0, seconds > 2 * p90 else { return .neutral }
            return .failure
        case .failure(let error): return FailureRule(error).breaker
        }
    }
}
