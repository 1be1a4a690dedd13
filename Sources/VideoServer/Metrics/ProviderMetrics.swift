import VideoRouter
import VideoTypes

/// Figures of a router's providers; names are those of its configuration.
enum ProviderMetrics {
    private typealias Figure = (name: String, help: String, value: @Sendable (ProviderFigures) -> Double)

    private static let figures: [Figure] = [
        ("wan_provider_orders_total", "Attempts at a provider, whatever came of them.", { Double($0.orders) }),
        ("wan_provider_clips_total", "Clips that came from a provider.", { Double($0.clips) }),
        ("wan_provider_seconds_total", "Seconds from order to end, of all attempts.", { $0.seconds }),
        ("wan_provider_video_seconds_total", "Seconds of video that came.", { $0.videoSeconds }),
        ("wan_provider_cost_dollars_total", "Charged, or perhaps charged.", { $0.dollars }),
    ]

    static func write(_ providers: [ProviderStanding], _ page: inout MetricText) {
        guard !providers.isEmpty else { return }
        for (name, help, value) in figures {
            page.family(name, .counter, help)
            for provider in providers {
                page.sample(name, [("provider", provider.provider)], value(provider.figures))
            }
        }
        page.family("wan_provider_failures_total", .counter, "Attempts that brought no good clip, by kind.")
        for provider in providers {
            for (kind, count) in provider.figures.failures.sorted(by: { $0.key < $1.key }) {
                page.sample(
                    "wan_provider_failures_total", [("provider", provider.provider), ("kind", kind)], Double(count))
            }
        }
        page.family("wan_provider_breaker_state", .gauge, "1 of the state that the provider's breaker is in.")
        for provider in providers {
            for state in BreakerState.allCases {
                page.sample(
                    "wan_provider_breaker_state", [("provider", provider.provider), ("state", state.rawValue)],
                    provider.breaker == state ? 1 : 0)
            }
        }
        page.family("wan_provider_ready", .gauge, "Whether the provider said lately that it could work.")
        for provider in providers {
            page.sample("wan_provider_ready", [("provider", provider.provider)], provider.health.isReady ? 1 : 0)
        }
    }
}
