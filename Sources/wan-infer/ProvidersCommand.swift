import StrictJSON
import Threads
import VideoRouter
import VideoTypes

/// Lists who makes clips for a router: how they stand, what they make, what they take.
struct ProvidersCommand {
    let router: RouterOptions
    /// Whose failures are to be forgotten.
    let reset: String?
    let program: Program
    let json: Bool

    init(_ arguments: ParsedArguments, program: Program) throws(VideoError) {
        let values = OptionValues(arguments.values)
        router = try RouterOptions(values, option: "config", command: .providers)
        reset = values.text("reset")
        self.program = program
        json = arguments.has("json")
    }

    func run() throws(VideoError) {
        let fleet = try router.fleet(for: reset == nil ? .look : .work)
        if let reset {
            try routed { () throws(RouterError) in
                try AwaitedValue.of { await Self.forget(reset, fleet) }.get()
            }
        }
        let overview = AwaitedValue.of { await fleet.overview() }
        guard !json else { return try program.output.print("\(overview.json)") }
        let budgets = overview.budgets.map {
            "\(Numbers.dollars($0.spentDollars)) of \(Numbers.dollars($0.limitDollars)) for \($0.window) are spent"
        }
        let parts = overview.entries.map { entry in
            Self.text(entry, overview.spending.first { $0.provider == entry.provider })
        }
        try program.output.print((parts + budgets + overview.remarks).joined(separator: "\n"))
    }

    private static func forget(_ name: String, _ fleet: RouterFleet) async -> Result<Void, RouterError> {
        do throws(RouterError) {
            return .success(try await fleet.router.reset(name))
        } catch {
            return .failure(error)
        }
    }

    private static func text(_ entry: RouterOverview.Entry, _ spending: OrderSpending?) -> String {
        var rows: [(String, String)] = [("state", state(entry))]
        if let offer = entry.offer {
            rows.append(("model", offer.model))
            if let seconds = offer.seconds { rows.append(("seconds", seconds)) }
            rows += offer.sizes.map { ("size", $0) }
            rows.append(("sound", offer.sound))
            rows.append(("pictures", offer.pictures.isEmpty ? "none" : offer.pictures.joined(separator: ", ")))
            let day = offer.day.map { " (\($0))" } ?? ""
            rows.append(("price", (offer.prices.isEmpty ? "not known" : offer.prices.joined(separator: "; ")) + day))
        }
        if let spending {
            let open = spending.open > 0 ? ", \(spending.open) under way" : ""
            rows.append(
                ("ordered", "\(spending.orders) in 90 days\(open), \(Numbers.dollars(spending.dollars))"))
        }
        if let remark = entry.remark { rows.append(("remark", remark)) }
        let lines = rows.map { "  " + $0.0 + String(repeating: " ", count: 10 - $0.0.count) + $0.1.printable }
        return ([entry.provider] + lines).joined(separator: "\n")
    }

    private static func state(_ entry: RouterOverview.Entry) -> String {
        var words: [String] = []
        if case .unavailable(let reasons) = entry.health {
            words.append("not ready: " + reasons.joined(separator: "; "))
        }
        switch entry.breaker {
        case .closed: break
        case .open, .probing: words.append("it failed lately")
        case .coolingDown: words.append("it asked for a pause")
        case .noKey: words.append("its key does not do")
        case .shutOut: words.append("shut out by hand")
        }
        return words.isEmpty ? "ready" : words.joined(separator: "; ")
    }
}
