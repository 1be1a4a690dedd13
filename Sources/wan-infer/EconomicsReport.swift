import StrictJSON
import VideoProvider
import VideoRouter
import VideoTypes

/// What video costs here and at clouds.
struct EconomicsReport {
    let facts: EngineFacts
    let money: EconomicsOptions
    let costs: MonthlyCosts
    /// How the work grows; the first is the clip that all is counted for.
    let growth: [ClipGrowth]
    /// What each second of work on a clip costs.
    private let workSecondDollars: Double
    /// Clips that the time was learned from.
    let samples: Int
    let rows: [Row]
    /// Models that are priced and not served any more.
    let closed: [String]
    /// What is followed into the years to come.
    let basis: (name: String, dollars: Double)?
    let decline: PriceDecline?
    let today: CalendarDay

    /// One price, and when machines of one's own are better.
    struct Row {
        let name: String
        /// What the price depends on.
        let terms: [String]
        let dollarsPerSecond: Double
        let monthDollars: Double
        let breakEven: BreakEven
        /// When the price was read; nil for one that was stated.
        let day: CalendarDay?
    }

    /// - Parameters:
    ///   - plans: of a clip first, then of larger and longer ones.
    ///   - time: of the machine that would make them.
    init(
        facts: EngineFacts, plans: [ClipPlan], time: TimeModel, money: EconomicsOptions, prices: PriceList,
        today: CalendarDay
    ) {
        self.facts = facts
        self.money = money
        self.today = today
        samples = time.samples
        let known = { (work: WorkEstimate) in time.estimate(work, isCold: false).p50 }
        let video = plans.first?.settings.clip.durationSeconds ?? 1
        let base = plans.first.map { known($0.work) } ?? 0
        let busy = money.throughput.map { video * 60 / $0 } ?? base
        let pace = base > 0 ? busy / base : 1
        growth = ClipGrowth.rows(plans) { known($0) * pace }
        let costs = money.costs(busySeconds: busy / video, backend: facts.backend)
        self.costs = costs
        workSecondDollars = busy > 0 ? costs.videoSecondDollars * video / busy : 0
        let served = prices.offers.filter { $0.isServed(on: today) }
        let row = { (name: String, terms: [String], dollars: Double, day: CalendarDay?) in
            Row(
                name: name, terms: terms, dollarsPerSecond: dollars, monthDollars: dollars * money.volume,
                breakEven: BreakEven(costs, apiDollarsPerSecond: dollars), day: day)
        }
        let stated = money.apiDollarsPerSecond.map { row("stated", [], $0, nil) }
        rows = (stated.map { [$0] } ?? []) + served.map { row($0.name, $0.terms, $0.dollarsPerSecond, $0.day) }
        closed = Set(prices.offers.filter { !$0.isServed(on: today) }.map(\.name)).sorted()
        basis =
            money.apiDollarsPerSecond.map { ("the stated price", $0) }
            ?? served.first { $0.dollarsPerSecond > 0 }.map { ($0.text, $0.dollarsPerSecond) }
        decline = money.decline.map { PriceDecline(stated: $0) } ?? PriceDecline(fitting: prices)
    }

    /// What one of the clips costs.
    func dollars(_ clip: ClipGrowth) -> Double { clip.seconds * workSecondDollars }

    /// A second of video that is looked for in the years to come.
    static let years = [0, 1, 2, 3, 5]
    /// What a minute of video shall cost some day.
    static let goals = [1, 0.1]

    /// The first day on which a minute costs no more; nil where none is foreseen.
    func day(ofMinuteAt goal: Double) -> CalendarDay? {
        guard let basis else { return nil }
        return decline?.day(from: today, now: 60 * basis.dollars, to: goal)
    }
}

/// For people.
extension EconomicsReport {
    var text: String {
        let blocks = [headText, rowsText, growthText, declineText]
        return blocks.map { $0.joined(separator: "\n") }.joined(separator: "\n\n")
    }

    private var headText: [String] {
        let clip = growth.first.map { Self.shape($0.plan.settings.clip) } ?? ""
        let source =
            money.throughput != nil
            ? "as stated"
            : samples > 0
                ? "learned from \(samples) clip\(samples == 1 ? "" : "s")" : "assumed: no clip has been timed"
        let minute = costs.busySeconds > 0 ? 60 / costs.busySeconds : .infinity
        let fixed = [
            (costs.operationsDollars, "of operations"), (costs.machineDollars, "for each machine"),
        ].filter { $0.0 > 0 }.map { "\(PlanReport.dollars($0.0)) \($0.1)" }
        let month = fixed.isEmpty ? "nothing besides" : fixed.joined(separator: " and ")
        let machines = costs.machines(for: money.volume)
        return [
            ("machine", "\(facts.model), \(facts.backend) \(facts.dtype); \(clip)"),
            ("speed", "\(Self.count(minute)) s of video a minute, \(source)"),
            ("second", "\(PlanReport.dollars(costs.videoSecondDollars)) for a second of video, \(kindOfCost)"),
            ("month", "\(month); one machine makes at most \(Numbers.fixed(costs.mostVideoSeconds, 0)) s of video"),
            (
                "bill",
                "\(PlanReport.dollars(costs.dollars(for: money.volume))) for \(Self.count(money.volume)) s of video a "
                    + "month, on \(Self.machines(machines))"
            ),
        ].map { $0.0 + String(repeating: " ", count: 9 - $0.0.count) + $0.1 }
    }

    private var kindOfCost: String {
        money.countsWatts
            ? "electricity by the device's watts"
            : money.rentDollars > 0 ? "rent by the hour of work" : "all else is paid by the month"
    }

    /// One line a model: its lowest price, for the list may have many.
    private var rowsText: [String] {
        var seen: Set<String> = []
        let lowest = rows.filter { seen.insert($0.name).inserted }
        let cells = lowest.map { row in
            [
                row.name.printable, row.terms.joined(separator: ", ").printable,
                PlanReport.dollars(row.dollarsPerSecond), PlanReport.dollars(row.monthDollars),
                Self.text(row.breakEven),
            ]
        }
        let head = ["price", "for", "a second", "\(Self.count(money.volume)) s", "own machines cost less from"]
        let note = closed.isEmpty ? [] : ["not served any more: " + closed.map(\.printable).joined(separator: ", ")]
        return TextTable.lines([head] + cells, left: [0, 1, 4]) + note
    }

    private static func text(_ even: BreakEven) -> String {
        guard let fleet = even.fleet else {
            return even.videoSecondsPerMonth == nil ? "never" : "never: more machines cost more than they save"
        }
        guard fleet.videoSecondsPerMonth > 0 else { return "the first second on" }
        let share = PlanReport.percent(
            fleet.videoSecondsPerMonth / (even.mostVideoSecondsPerMonth * fleet.machines))
        return "\(Numbers.fixed(fleet.videoSecondsPerMonth, 0)) s a month, \(share) of what "
            + "\(machines(fleet.machines)) can make"
    }

    private var growthText: [String] {
        let cells = growth.map { clip in
            [
                Self.shape(clip.plan.settings.clip), "\(clip.plan.work.tokens)",
                PlanReport.operations(clip.plan.work.flops.values.sorted().reduce(0, +)),
                Numbers.duration(clip.seconds), PlanReport.dollars(dollars(clip)), Self.factor(clip.factor),
                Self.factor(clip.quadraticFactor),
            ]
        }
        return TextTable.lines(
            [["clip", "tokens", "work", "time", "cost", "times", "by tokens squared"]] + cells)
    }

    private var declineText: [String] {
        guard let basis, let decline else {
            return ["No decline can be fitted: no price of the list has an earlier one beside it; --decline states it."]
        }
        let percent = Numbers.fixed(abs(decline.perYear) * 100, 1)
        let source =
            decline.fit.map {
                "fitted to \($0.points) prices of \($0.series) things from \($0.first) to \($0.last)"
            } ?? "as stated"
        let head = "\(basis.name.printable), if prices \(decline.perYear < 0 ? "rise" : "fall") by \(percent) % a year"
        func row(_ name: String, _ seconds: Double) -> [String] {
            [name]
                + Self.years.map { PlanReport.dollars(seconds * decline.dollars(basis.dollars, after: Double($0))) }
        }
        let years = Self.years.map { $0 == 0 ? "now" : "in \($0) year\($0 == 1 ? "" : "s")" }
        let goals = Self.goals.map { goal in
            let day = day(ofMinuteAt: goal).map { $0 == today ? "is that cheap today" : "is reached on \($0)" }
            return "\(PlanReport.dollars(goal)) a minute \(day ?? "is never reached")"
        }
        return ["\(head) (\(source)):"]
            + TextTable.lines([["of video"] + years, row("a second", 1), row("a minute", 60)])
            + [goals.joined(separator: ", ")]
    }

    private static func shape(_ clip: ClipShape) -> String {
        "\(clip.frames) frames of \(clip.width) x \(clip.height), \(Numbers.fixed(clip.durationSeconds, 2)) s"
    }

    private static func factor(_ value: Double) -> String { Numbers.fixed(value, value < 100 ? 2 : 0) }

    private static func machines(_ count: Double) -> String {
        "\(Numbers.fixed(count, 0)) machine\(count == 1 ? "" : "s")"
    }

    /// Without digits that say nothing.
    static func count(_ value: Double) -> String {
        value == value.rounded() ? Numbers.fixed(value, 0) : Numbers.fixed(value, value < 1 ? 4 : 2)
    }
}

/// For programs.
extension EconomicsReport {
    var json: JSONText {
        .object([
            ("machine", machineJSON), ("volume_seconds_per_month", .number(money.volume)),
            ("month_dollars", .number(costs.dollars(for: money.volume))),
            ("machines", .number(costs.machines(for: money.volume))), ("prices", .array(rows.map(Self.json))),
            ("not_served", .array(closed.map(JSONText.string))), ("growth", .array(growth.map(json))),
            ("decline", declineJSON),
        ])
    }

    private var machineJSON: JSONText {
        .object([
            ("model", .string(facts.model)), ("backend", .string(facts.backend)), ("dtype", .string(facts.dtype)),
            ("busy_seconds_per_second", .number(costs.busySeconds)), ("timed_clips", .integer(samples)),
            ("is_stated", .bool(money.throughput != nil)),
            ("dollars_per_second", .number(costs.videoSecondDollars)),
            ("machine_dollars_per_month", .number(costs.machineDollars)),
            ("operations_dollars_per_month", .number(costs.operationsDollars)),
            ("most_video_seconds_per_month", .number(costs.mostVideoSeconds)),
        ])
    }

    private static func json(_ row: Row) -> JSONText {
        let even = row.breakEven
        return .object([
            ("price", .string(row.name)), ("for", .array(row.terms.map(JSONText.string))),
            ("date", row.day.map { .string($0.description) } ?? .null),
            ("dollars_per_second", .number(row.dollarsPerSecond)), ("month_dollars", .number(row.monthDollars)),
            ("break_even_seconds_per_month", even.videoSecondsPerMonth.map(JSONText.number) ?? .null),
            ("share_of_one_machine", even.utilisation.map(JSONText.number) ?? .null),
            ("machines", even.fleet.map { .number($0.machines) } ?? .null),
            (
                "break_even_seconds_per_month_on_them",
                even.fleet.map { .number($0.videoSecondsPerMonth) } ?? .null
            ),
        ])
    }

    private func json(_ clip: ClipGrowth) -> JSONText {
        let shape = clip.plan.settings.clip
        return .object([
            ("width", .integer(shape.width)), ("height", .integer(shape.height)), ("frames", .integer(shape.frames)),
            ("duration_seconds", .number(shape.durationSeconds)), ("tokens", .integer(clip.plan.work.tokens)),
            ("flops", .number(clip.plan.work.flops.values.sorted().reduce(0, +))), ("seconds", .number(clip.seconds)),
            ("dollars", .number(dollars(clip))), ("factor", .number(clip.factor)),
            ("quadratic_factor", .number(clip.quadraticFactor)),
        ])
    }

    private var declineJSON: JSONText {
        guard let basis, let decline else { return .null }
        let years = Self.years.map { year -> JSONText in
            let dollars = decline.dollars(basis.dollars, after: Double(year))
            return .object([
                ("years", .integer(year)), ("second_dollars", .number(dollars)),
                ("minute_dollars", .number(60 * dollars)),
            ])
        }
        let goals = Self.goals.map { goal -> JSONText in
            .object([
                ("minute_dollars", .number(goal)),
                ("date", day(ofMinuteAt: goal).map { .string($0.description) } ?? .null),
            ])
        }
        return .object([
            ("from", .string(basis.name)), ("per_year", .number(decline.perYear)),
            ("fitted_prices", decline.fit.map { .integer($0.points) } ?? .null),
            ("fitted_things", decline.fit.map { .integer($0.series) } ?? .null), ("today", .string("\(today)")),
            ("years", .array(years)), ("goals", .array(goals)),
        ])
    }
}
