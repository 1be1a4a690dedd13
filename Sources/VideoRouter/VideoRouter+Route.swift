import VideoTypes

// The one loop that tries providers.
extension VideoRouter {
    /// - Parameter spentBefore: what the request has cost before this call.
    func follow(
        _ request: VideoRequest, _ options: RoutingOptions, spentBefore: Double,
        _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(RouterError) -> RoutingOutcome {
        let handle = RouteHandle()
        running[ObjectIdentifier(handle)] = (request.id, handle)
        var route = Route(
            request, options, policy, handle: handle, startedAt: clock.now(), spentBefore: spentBefore)
        let result = await follow(&route, progress)
        running[ObjectIdentifier(handle)] = nil
        if let log {
            let record = DecisionRecord(route, result, elapsed: clock.now() - route.startedAt, at: clock.unixTime())
            log.append(record.json)
        }
        return try result.get()
    }

    private func follow(
        _ route: inout Route, _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async -> Result<RoutingOutcome, RouterError> {
        await prepare(&route)
        while true {
            if route.handle.isCancelled { return .failure(cancelled(route)) }
            route.holders = await holders(route)
            let answers = await ask(route.request, leavingOut: Set(route.givenUp.keys))
            let now = clock.now()
            let surveys = surveys(answers, at: now)
            if route.firstSurveys.isEmpty {
                route.firstSurveys = surveys
                route.firstSurveyAt = now
            }
            route.ranking = route.ranker.rank(surveys, route.situation(at: now))
            guard route.attempts.count < policy.maxAttempts else { return await close(route) }
            guard let best = route.ranking.best else {
                guard let end = pauseEnd(surveys, route, now) else { return await close(route) }
                await pause(until: end, route)
                continue
            }
            switch await use(best, &route, progress) {
            case .done(let clip): return .success(.done(clip))
            case .next: continue
            case .failed(let error): return .failure(error)
            case .closed: return await close(route)
            }
        }
    }

    /// What an earlier process ordered for the request counts against its limit.
    func prepare(_ route: inout Route) async {
        let id = route.request.id
        route.holders = await holders(route)
        for provider in providers {
            guard let dollars = await provider.spentDollars(on: id) else { continue }
            route.money.charge(.init(provider: provider.name, id: id), dollars)
        }
    }

    /// Who may be making the clip already, where nobody else may be asked meanwhile.
    private func holders(_ route: Route) async -> Set<String>? {
        let id = route.request.id
        var holders: Set<String> = []
        // A clip that is there already is looked at before another is bought; afterwards it is one of many.
        if route.attempts.isEmpty {
            for provider in providers where await provider.hasClip(of: id) { holders.insert(provider.name) }
            if !holders.isEmpty { return holders }
        }
        guard !policy.allowsPayingTwice else { return nil }
        for provider in providers where await provider.hasOpenOrder(of: id) { holders.insert(provider.name) }
        return holders.isEmpty ? nil : holders
    }

    /// Until when to wait for the first provider that merely asked for a pause; nil where waiting leads nowhere.
    private func pauseEnd(_ surveys: [ProviderSurvey], _ route: Route, _ now: Double) -> Double? {
        let waiting = Set(
            route.ranking.findings.filter { $0.obstacles.allSatisfy { $0.kind == .cooldown } }.map(\.provider))
        return surveys.compactMap { survey -> Double? in
            guard waiting.contains(survey.provider), case .coolingDown(let end) = survey.breaker,
                case .capabilities(let said) = survey.answer, end - now <= policy.longestCooldownWaitSeconds
            else { return nil }
            if let deadline = route.deadline, end + (said.estimate?.p90 ?? 0) > deadline { return nil }
            return end
        }.min()
    }

    /// What comes of trying one provider.
    private enum Step {
        case done(VideoResult)
        /// Somebody else.
        case next
        /// Nobody else, and no promise.
        case failed(RouterError)
        /// Nobody else; a promise perhaps.
        case closed
    }

    /// Tries a provider, and once more where its failure or an empty clip allows it.
    private func use(
        _ finding: ProviderFinding, _ route: inout Route, _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async -> Step {
        guard let provider = providers.first(where: { $0.name == finding.provider }) else { return .next }
        var request = route.request
        if let quality = finding.quality { request.quality = quality }
        var hasRetried = false
        while true {
            guard let tried = await attempt(request, provider, finding, &route, progress) else {
                route.giveUp(provider.name, .breaker, "it failed lately")
                return .next
            }
            if route.handle.isCancelled { return .failed(cancelled(route)) }
            switch tried.result {
            case .success(let clip):
                guard let reason = tried.emptiness else {
                    let score = await scored(clip, finding, route)
                    return .done(finished(clip, route, tried.judgement, score))
                }
                route.fallbackClip = route.fallbackClip ?? (clip, tried.judgement, reason)
                guard let seed = anotherSeed(finding, provider, route) else {
                    route.giveUp(provider.name, .failed, reason)
                    return .next
                }
                route.hasTriedAnotherSeed = true
                (request.seed, request.id) = (seed, route.nextID())
                if await drawsSeeds(provider, request) { request.seed = nil }
            case .failure(let error):
                if let step = end(after: error, provider.name, &route) { return step }
                if case .corruptOutput = error { request.id = route.nextID() }
                guard !hasRetried, !tried.wasCut, mayRetry(error, request, finding, route) else {
                    giveUp(provider.name, error, &route)
                    return .next
                }
                hasRetried = true
                await pause(until: clock.now() + policy.retryDelaySeconds, route)
                if route.handle.isCancelled { return .failed(cancelled(route)) }
            }
        }
    }

    private func pause(until end: Double, _ route: Route) async {
        let clock = clock
        _ = await route.handle.run(Attempt<Void>(), until: nil, clock) {
            do throws(CancellationError) { try await clock.sleep(end) } catch {}
        }
    }

    /// What ends the request whoever else there is.
    private func end(after error: ProviderError, _ provider: String, _ route: inout Route) -> Step? {
        switch error {
        case .cancelled: return .failed(cancelled(route))
        case .budget:
            giveUp(provider, error, &route)
            return .failed(RouterError(.budget, error.message, providers: route.findings))
        case .deadline:
            route.isOverdue = true
            giveUp(provider, error, &route)
            return .closed
        default: return nil
        }
    }

    private func giveUp(_ provider: String, _ error: ProviderError, _ route: inout Route) {
        switch error {
        case .contentPolicy(let reason):
            route.policyFallbacks = policy.policyFallbacks
            route.giveUp(provider, .contentPolicy, "it refused the content: \(reason)")
        case .badRequest(let reason, let parameter):
            route.giveUp(provider, .limits, "it refused the request: \(reason)", parameter: parameter)
        // The breaker knows how long; until then the pause is what stands in the way.
        case .quota, .capacity: break
        case .deadline: route.giveUp(provider, .deadline, error.message)
        case .budget: route.giveUp(provider, .budget, error.message)
        default: route.giveUp(provider, .failed, "\(error.name): \(error.message)")
        }
    }

    private func mayRetry(
        _ error: ProviderError, _ request: VideoRequest, _ finding: ProviderFinding, _ route: Route
    ) -> Bool {
        FailureRule(error).retriesSame && route.attempts.count < policy.maxAttempts && isTimely(finding, route)
            && route.money.affords(
                .init(provider: finding.provider, id: request.id), finding.costDollars ?? 0)
    }

    /// Whether there is time for it once more.
    private func isTimely(_ finding: ProviderFinding, _ route: Route) -> Bool {
        guard let deadline = route.deadline else { return true }
        return clock.now() + policy.retryDelaySeconds + (finding.estimate?.p90 ?? 0) <= deadline
    }

    /// The seed for a second try after an empty clip; nil where there is none to be had.
    private func anotherSeed(_ finding: ProviderFinding, _ provider: any VideoProvider, _ route: Route) -> UInt64? {
        // Who names a seed wants that clip and no other.
        guard !route.hasTriedAnotherSeed, route.request.seed == nil, isTimely(finding, route),
            route.attempts.count < policy.maxAttempts
        else { return nil }
        let work = SpentMoney.Work(provider: provider.name, id: route.id(ofVariant: route.variants + 1))
        guard route.money.affords(work, finding.costDollars ?? 0) else { return nil }
        return Ranker.hash(work.id) & 0xFFFF_FFFF
    }
}
