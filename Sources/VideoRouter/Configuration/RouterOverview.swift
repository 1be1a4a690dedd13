package import VideoTypes

/// How every provider of a fleet stands: what `providers`, metrics and pages tell.
package struct RouterOverview: Sendable {
    package let entries: [Entry]
    /// Of the last 90 days, at clouds.
    package let spending: [OrderSpending]
    /// Limits of spending with what counts against them.
    package let budgets: [Budget]
    package let remarks: [String]

    package struct Entry: Sendable {
        package let provider: String
        /// Whose key it uses, where others use the same.
        package let account: String?
        /// nil where it did not tell.
        package let offer: ProviderOffer?
        package let health: ProviderHealth
        package let breaker: BreakerState
        package let figures: ProviderFigures
        package let remark: String?
    }

    package struct Budget: Sendable, Hashable {
        /// As people say it: "24 hours".
        package let window: String
        package let limitDollars: Double
        package let spentDollars: Double
    }
}

extension RouterFleet {
    package func overview() async -> RouterOverview {
        let standings = await router.standings()
        var offers: [String: ProviderOffer] = [:]
        var remarks: [String: String] = [:]
        for cloud in clouds {
            offers[cloud.name] = cloud.offer
            remarks[cloud.name] = cloud.remark
        }
        for provider in providers where offers[provider.name] == nil {
            guard let said = try? await provider.capabilities(for: VideoRequest(prompt: "a clip")) else { continue }
            offers[provider.name] = ProviderOffer(said)
        }
        return RouterOverview(
            entries: standings.map { standing in
                RouterOverview.Entry(
                    provider: standing.provider, account: standing.account, offer: offers[standing.provider],
                    health: standing.health, breaker: standing.breaker, figures: standing.figures,
                    remark: remarks[standing.provider])
            }, spending: book?.spending ?? [], budgets: book?.budgets ?? [], remarks: await router.remarks)
    }
}

extension OrderBook {
    /// Each limit with what orders of its time have cost, or may have.
    package var budgets: [RouterOverview.Budget] {
        limits.windows.map { limit, seconds, name in
            RouterOverview.Budget(window: name, limitDollars: limit, spentDollars: spent(inLast: seconds))
        }
    }
}

extension RouterOverview {
    package var json: JSONText {
        .object([
            ("providers", .array(entries.map(\.json))),
            (
                "orders",
                .array(
                    spending.map {
                        .object([
                            ("provider", .string($0.provider)), ("orders", .integer($0.orders)),
                            ("open", .integer($0.open)), ("unknown", .integer($0.unknown)),
                            ("dollars", .number($0.dollars)),
                        ])
                    })
            ),
            (
                "budgets",
                .array(
                    budgets.map {
                        .object([
                            ("window", .string($0.window)), ("limit_dollars", .number($0.limitDollars)),
                            ("spent_dollars", .number($0.spentDollars)),
                        ])
                    })
            ), ("remarks", .array(remarks.map(JSONText.string))),
        ])
    }
}

extension RouterOverview.Entry {
    var json: JSONText {
        let reasons: [String] = if case .unavailable(let reasons) = health { reasons } else { [] }
        return .object([
            ("provider", .string(provider)), ("account", account.map(JSONText.string) ?? .null),
            ("offer", offer?.json ?? .null), ("is_ready", .bool(health.isReady)),
            ("reasons", .array(reasons.map(JSONText.string))), ("breaker", .string(breaker.rawValue)),
            ("figures", figures.json), ("remark", remark.map(JSONText.string) ?? .null),
        ])
    }
}
