import StrictJSON
import VideoRouter
import VideoTypes

/// Decides the requests of a router's log once more, under a policy.
struct ReplayCommand {
    let log: String
    let policy: RoutingPolicy
    let program: Program
    let json: Bool

    init(_ arguments: ParsedArguments, program: Program) throws(VideoError) {
        let values = OptionValues(arguments.values)
        log = values.text("simulate") ?? ""
        policy = if let path = values.text("policy") { try RoutingPolicy(file: path) } else { RoutingPolicy() }
        self.program = program
        json = arguments.has("json")
    }

    func run() throws(VideoError) {
        var simulation = RoutingSimulation(policy: policy)
        var different: [SimulatedDecision] = []
        try simulation.replay(
            file: log, goesOn: { !Interrupt.isRequested }, each: { if $0.differs { different.append($0) } })
        let summary = simulation.summary
        let strangers = simulation.strangers
        guard !json else {
            return try program.output.print(
                JSONText.object([
                    ("summary", summary.json), ("unknown_providers", .array(strangers.map(JSONText.string))),
                    ("different", .array(different.map(\.json))),
                ]).description)
        }
        let remarks = Self.remarks(summary, strangers)
        try program.output.print((different.map(Self.line) + Self.lines(summary) + remarks).joined(separator: "\n"))
    }

    /// What may have gone another way than meant.
    private static func remarks(_ summary: SimulationSummary, _ strangers: [String]) -> [String] {
        var remarks = strangers.map { "the policy names '\($0.printable)', whom no decision of the log knows" }
        let torn = summary.tornLines
        if torn.count > 0 {
            let numbers = torn.first.map(String.init).joined(separator: ", ")
            let more = torn.count > torn.first.count ? " and more" : ""
            remarks.append("\(torn.count) \(torn.count == 1 ? "line is" : "lines are") no JSON: \(numbers)\(more)")
        }
        return remarks
    }

    /// One decision that would be another: "request_1  cloud, 0.50 $, 40 s  ->  local, 0.00 $, 90 s".
    private static func line(_ decision: SimulatedDecision) -> String {
        let then = choice(decision.then, decision.thenCostDollars, decision.thenSeconds)
        let now = choice(decision.now, decision.nowCostDollars, decision.nowSeconds)
        return "\(OptionValues.shown(decision.id).printable)  \(then)  ->  \(now)"
    }

    private static func choice(_ provider: String?, _ cost: Double?, _ seconds: Double?) -> String {
        guard let provider else { return "nobody" }
        let price = cost.map { $0.isFinite ? ", \(Numbers.dollars($0))" : ", no price" } ?? ""
        let time = seconds.map { $0.isFinite ? ", \(Numbers.duration($0))" : "" } ?? ""
        return provider.printable + price + time
    }

    private static func lines(_ summary: SimulationSummary) -> [String] {
        func side(_ name: String, _ side: SimulationSummary.Side) -> String {
            let shares = side.byProvider.sorted { $0.key < $1.key }.map { "\($0.key.printable) \($0.value)" }
            let unserved = side.unserved == 0 ? [] : ["nobody \(side.unserved)"]
            let chosen = (shares + unserved).joined(separator: ", ")
            let unpriced = side.unpriced == 0 ? "" : " and \(side.unpriced) without a price"
            let sum = Numbers.dollars(side.costDollars) + unpriced
            return "\(name)  \(sum), \(Numbers.duration(side.seconds)); \(chosen)"
        }
        return [
            "\(summary.decisions) decisions, \(summary.differing) would be different",
            side("then", summary.then), side("now ", summary.now),
            "really spent  \(Numbers.dollars(summary.spentDollars)), \(Numbers.duration(summary.elapsedSeconds))",
        ]
    }
}
