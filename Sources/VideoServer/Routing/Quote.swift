import JobRunner
import JobStore
import VideoProvider
import VideoRouter
import VideoTypes

/// What an order comes to, before it is placed.
struct Quote {
    let work: Work
    /// nil where nobody can tell.
    let estimate: TimeEstimate?
    /// Those that the order brings.
    let pictures: [ReferenceImage]

    enum Work {
        /// For a worker of this machine.
        case planned(Planned)
        case routed(Routed)
    }

    struct Planned {
        let plan: ClipPlan
        let time: ClipTime
        let cost: ClipCost
    }

    struct Routed {
        let request: VideoRequest
        let options: RoutingOptions
        /// The best first, then who cannot make it.
        let findings: [ProviderFinding]

        var best: ProviderFinding? { findings.first { $0.rank == 0 } }
    }

    /// What it takes here.
    var roomWork: WorkEstimate {
        switch work {
        case .planned(let planned): planned.plan.work
        case .routed(let routed): routed.order.work
        }
    }
}

extension Quote.Routed {
    /// As the journal keeps it.
    var order: RoutedOrder {
        var order = RoutedOrder(request, provider: options.provider, model: options.model)
        order.estimate = best?.estimate
        order.quotedDollars = best?.costDollars.flatMap { $0.isFinite ? $0 : nil }
        return order
    }
}
