import VideoTypes

// How a request ends.
extension VideoRouter {
    /// The clip with what was thought of everybody.
    func finished(
        _ clip: VideoResult, _ route: Route, _ judgement: ClipJudgement?, _ score: ClipScore? = nil
    ) -> VideoResult {
        var metadata = clip.metadata
        metadata["routing"] = .object([
            ("provider", .string(clip.provider)), ("in_panic", .bool(route.ranking.isPanic)),
            ("spent_dollars", .number(route.money.total)),
            ("providers", .array(route.ranking.findings.map(\.json))),
            ("attempts", .array(route.attempts.map(\.json))),
        ])
        if let judgement { metadata["quality"] = judgement.json }
        if let score { metadata["score"] = score.json }
        return VideoResult(
            path: clip.path, provider: clip.provider, model: clip.model, durationSeconds: clip.durationSeconds,
            frames: clip.frames, width: clip.width, height: clip.height, costDollars: clip.costDollars,
            latencySeconds: clock.now() - route.startedAt, hasAudio: clip.hasAudio, metadata: metadata)
    }

    func cancelled(_ route: Route) -> RouterError {
        RouterError(.cancelled, "cancelled", providers: route.findings)
    }

    /// Nobody is left to try: the clip that was not good enough, a promise, or an error.
    func close(_ route: Route) async -> Result<RoutingOutcome, RouterError> {
        if let (clip, judgement, reason) = route.fallbackClip {
            return .success(.empty(finished(clip, route, judgement), reason: reason))
        }
        let error = failure(route)
        let canWait = [.deadline, .noProviderAvailable].contains(error.code)
        guard canWait, route.options.allowsPromise, let promises, let maker = maker(route) else {
            return .failure(error)
        }
        let now = clock.unixTime()
        let promise = VideoPromise(
            id: route.request.id, provider: maker.provider, estimate: maker.estimate, madeAt: now,
            expiresAt: now + policy.promiseSeconds, spentDollars: route.money.total,
            reasons: route.findings.map(\.line))
        do {
            try await promises.keep(KeptRequest(request: route.request, options: route.options, promise: promise))
            isOwed(route.request.id)
        } catch {
            return .failure(
                RouterError(
                    .noProviderAvailable, "no provider can serve the request now, and it could not be kept",
                    providers: route.findings))
        }
        return .success(.promised(promise))
    }

    /// Who would make the clip if only there were time: nothing lasting stands in its way.
    private func maker(_ route: Route) -> ProviderFinding? {
        let passing: Set<RoutingObstacle.Kind> = [.deadline, .breaker, .cooldown, .health, .capabilities, .failed]
        return route.findings.filter { finding in finding.obstacles.allSatisfy { passing.contains($0.kind) } }
            .min { left, right in
                (Self.trouble(left), left.estimate?.p50 ?? .infinity)
                    < (Self.trouble(right), right.estimate?.p50 ?? .infinity)
            }
    }

    /// Obstacles that time alone does not remove.
    private static func trouble(_ finding: ProviderFinding) -> Int {
        finding.obstacles.count { $0.kind != .deadline && $0.kind != .cooldown }
    }

    private func failure(_ route: Route) -> RouterError {
        let findings = route.findings
        let reasons = findings.wanted(route.options).map(\.line).joined(separator: ". ")
        func error(_ code: RouterError.Code, _ message: String, _ parameter: String? = nil) -> RouterError {
            RouterError(
                code, findings.isEmpty ? message : "\(message). \(reasons)", parameter: parameter,
                providers: findings)
        }
        if route.policyFallbacks != nil {
            return error(.contentPolicy, "the content was refused")
        }
        if route.isOverdue || route.deadline.map({ $0 <= clock.now() }) ?? false {
            return error(.deadline, "the time limit of the request has passed")
        }
        if let lasting = RouterError.lasting(findings) {
            return error(lasting.code, lasting.message, lasting.parameter)
        }
        return error(.noProviderAvailable, "no provider can serve the request now")
    }
}

extension RouterError {
    /// What keeps everybody from a request, whatever the hour; nil where somebody can serve it, now or later.
    package static func lasting(_ findings: [ProviderFinding]) -> RouterError? {
        func error(_ code: Code, _ message: String, _ parameter: String? = nil) -> RouterError {
            RouterError(code, message, parameter: parameter, providers: findings)
        }
        guard !findings.contains(where: { $0.rank != nil }) else { return nil }
        if findings.isEmpty { return error(.noProviderAvailable, "there is no provider") }
        let obstacles = findings.flatMap(\.obstacles)
        let kinds = findings.map { Set($0.obstacles.map(\.kind)) }
        let lasting: Set<RoutingObstacle.Kind> = [.limits, .excluded, .contentPolicy]
        if kinds.allSatisfy({ !$0.isDisjoint(with: lasting) }) {
            let first = obstacles.first { $0.kind == .limits } ?? obstacles.first
            return error(.badRequest, "no provider makes such a clip", first?.parameter)
        }
        let possible = kinds.filter { $0.isDisjoint(with: lasting) }
        if possible.contains(where: { $0.isDisjoint(with: [.budget, .deadline]) }) { return nil }
        if possible.contains([.deadline]) {
            return error(.deadline, "no provider can make the clip in time")
        }
        if possible.contains(where: { $0.isSubset(of: [.budget, .deadline]) }) {
            return error(.budget, "no provider can make the clip for the money that is left")
        }
        return nil
    }
}
