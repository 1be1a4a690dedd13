import Glibc
import StrictJSON
import VideoProvider
import VideoRouter
import VideoTypes

/// Monthly bills by volume, and prices of the years to come, as a drawing.
struct EconomicsPlot {
    let text: String

    private static let (width, height) = (1080.0, 560.0)
    private static let bills = PlotFrame(left: 84, top: 74, width: 440, height: 330)
    private static let years = PlotFrame(left: 640, top: 74, width: 396, height: 330)
    private static let (ink, pale, own) = ("#1f2933", "#d9dee4", "#0b6bcb")
    private static let others = ["#d9480f", "#2b8a3e", "#862e9c"]

    init(_ report: EconomicsReport) {
        let style = #"font-family="system-ui, 'Segoe UI', 'DejaVu Sans', sans-serif" font-size="13""#
        let head =
            #"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \#(Int(Self.width)) \#(Int(Self.height))" "#
            + #"width="\#(Int(Self.width))" height="\#(Int(Self.height))" \#(style) fill="\#(Self.ink)">"#
        let ground = ##"<rect width="100%" height="100%" fill="#ffffff"/>"##
        let parts = [head, ground] + Self.bills(report) + Self.years(report) + ["</svg>"]
        text = parts.joined(separator: "\n") + "\n"
    }

    // MARK: Bills

    /// Prices that are drawn: the stated one, the lowest, the one in the middle.
    private static func drawn(_ report: EconomicsReport) -> [EconomicsReport.Row] {
        let listed = report.rows.filter { $0.day != nil }
        let middle = listed.isEmpty ? [] : [listed[listed.count / 2]]
        return Array((report.rows.filter { $0.day == nil } + listed.prefix(1) + middle).prefix(others.count))
    }

    private static func bills(_ report: EconomicsReport) -> [String] {
        let rows = drawn(report)
        let (costs, volume) = (report.costs, report.money.volume)
        // The first is the one that is asked about.
        let even = rows.lazy.compactMap { $0.breakEven.fleet?.videoSecondsPerMonth }.first { $0 > 0 } ?? 0
        let x = PlotScale(covering: max(volume * 1.25, even * 1.4, 1))
        let y = PlotScale(covering: max(costs.dollars(for: x.end) * 1.35, 1e-3))
        var lines = bills.axes(x, y, title: "Dollars a month", below: "seconds of video a month")
        let place = { (seconds: Double, dollars: Double) in bills.place(seconds / x.end, dollars / y.end) }
        for (row, colour) in zip(rows, others) {
            // Up to where it leaves the frame.
            let end = row.dollarsPerSecond > 0 ? min(x.end, y.end / row.dollarsPerSecond) : x.end
            lines.append(line([place(0, 0), place(end, end * row.dollarsPerSecond)], colour, 2))
        }
        lines.append(line(ownPoints(costs, x.end).map(place), own, 3))
        for (index, (row, colour)) in zip(rows, others).enumerated() {
            guard let fleet = row.breakEven.fleet, fleet.videoSecondsPerMonth > 0, fleet.videoSecondsPerMonth <= x.end
            else { continue }
            let spot = place(fleet.videoSecondsPerMonth, fleet.videoSecondsPerMonth * row.dollarsPerSecond)
            lines += [
                dot(spot, colour),
                // In turn above and below: two may be close to each other.
                label("\(Numbers.fixed(fleet.videoSecondsPerMonth, 0)) s", spot, isBelow: index % 2 == 1),
            ]
        }
        let legend =
            [("here, on \(facts(report))", own)]
            + zip(rows, others).map { row, colour in
                let terms = ([row.name] + row.terms).joined(separator: ", ")
                return ("\(terms): \(PlanReport.dollars(row.dollarsPerSecond)) a second", colour)
            }
        for (index, entry) in legend.enumerated() {
            let height = bills.bottom + 64 + 20 * Double(index)
            lines.append(line([(bills.left, height - 4), (bills.left + 22, height - 4)], entry.1, 3))
            lines.append(words(cut(entry.0, 110), (bills.left + 30, height)))
        }
        return lines
    }

    private static func facts(_ report: EconomicsReport) -> String {
        "\(report.facts.backend) with \(report.facts.model): \(PlanReport.dollars(report.costs.videoSecondDollars)) "
            + "a second and what is fixed"
    }

    /// A step for each further machine, as long as steps can be told from each other.
    private static func ownPoints(_ costs: MonthlyCosts, _ end: Double) -> [(Double, Double)] {
        let most = costs.mostVideoSeconds
        let machines = (end / most).rounded(.up)
        guard machines <= 60 else { return [0, end].map { ($0, costs.dollars(for: $0)) } }
        var points: [(Double, Double)] = []
        for machine in 0..<max(1, Int(machines)) {
            let start = machine == 0 ? 0 : Double(machine) * most
            let stop = min(end, Double(machine + 1) * most)
            // Right behind what one machine less can make.
            let fixed = costs.operationsDollars + Double(machine + 1) * costs.machineDollars
            points += [start, stop].map { ($0, fixed + $0 * costs.videoSecondDollars) }
        }
        return points
    }

    // MARK: Years

    private static func years(_ report: EconomicsReport) -> [String] {
        guard let basis = report.basis, let decline = report.decline, basis.dollars > 0 else { return [] }
        let minute = 60 * basis.dollars
        let days = EconomicsReport.goals.map { goal in
            report.day(ofMinuteAt: goal).map { Double($0.days - report.today.days) / 365.25 }
        }
        let span = min(max(5, ((days.compactMap { $0 }.max() ?? 0) + 0.5).rounded(.up)), 12)
        let heights = [minute, decline.dollars(minute, after: span)] + EconomicsReport.goals
        let range = PlotDecades(covering: heights)
        let place = { (year: Double, dollars: Double) in years.place(year / span, range.part(dollars)) }
        var lines = years.frame(title: "A minute of video, \(cut(basis.name, 34))", below: "month")
        for exponent in range.exponents {
            let (start, end) = (place(0, PlotDecades.power(exponent)), place(span, PlotDecades.power(exponent)))
            lines.append(line([start, end], pale, 1))
            lines.append(
                words(
                    PlanReport.dollars(PlotDecades.power(exponent)), (years.left - 8, start.1 + 4), anchor: "end"))
        }
        let (first, month) = (
            Int(report.today.description.prefix(4)) ?? 0, report.today.description.dropFirst(4).prefix(3)
        )
        for year in stride(from: 0, through: Int(span), by: span > 6 ? 2 : 1) {
            lines.append(
                words("\(first + year)\(month)", (place(Double(year), 1).0, years.bottom + 18), anchor: "middle"))
        }
        let steps = stride(from: 0, through: span, by: span / 60)
        lines.append(line(steps.map { place($0, decline.dollars(minute, after: $0)) }, others[0], 3))
        for (goal, when) in zip(EconomicsReport.goals, days) {
            lines.append(dashed([place(0, goal), place(span, goal)]))
            guard let when, when <= span, let day = report.day(ofMinuteAt: goal) else { continue }
            lines += [
                dot(place(when, goal), others[0]), label("\(PlanReport.dollars(goal)): \(day)", place(when, goal)),
            ]
        }
        let percent = Numbers.fixed(abs(decline.perYear) * 100, 1)
        let source = decline.fit.map { "fitted to \($0.points) dated prices" } ?? "as stated"
        lines.append(
            words(
                "prices \(decline.perYear < 0 ? "rise" : "fall") by \(percent) % a year, \(source)",
                (years.left, years.bottom + 64)))
        return lines
    }
}

// What it is drawn with.
extension EconomicsPlot {
    fileprivate static func number(_ value: Double) -> String { Numbers.fixed(value, 1) }

    fileprivate static func line(_ points: [(Double, Double)], _ colour: String, _ width: Int) -> String {
        let path = points.map { "\(number($0.0)),\(number($0.1))" }.joined(separator: " ")
        return #"<polyline points="\#(path)" fill="none" stroke="\#(colour)" stroke-width="\#(width)" "#
            + #"stroke-linejoin="round"/>"#
    }

    private static func dashed(_ points: [(Double, Double)]) -> String {
        line(points, "#7b8794", 1).replacing("/>", with: #" stroke-dasharray="5 4"/>"#)
    }

    private static func dot(_ spot: (Double, Double), _ colour: String) -> String {
        #"<circle cx="\#(number(spot.0))" cy="\#(number(spot.1))" r="5" fill="white" stroke="\#(colour)" "#
            + #"stroke-width="2.5"/>"#
    }

    /// Beside a spot, on a ground that keeps it readable.
    private static func label(_ text: String, _ spot: (Double, Double), isBelow: Bool = false) -> String {
        let halo = ##"stroke="#ffffff" stroke-width="4" paint-order="stroke" font-weight="600""##
        return words(text, (spot.0 + 10, spot.1 + (isBelow ? 20 : -10)), extra: halo)
    }

    fileprivate static func words(
        _ text: String, _ spot: (Double, Double), anchor: String = "start", extra: String = ""
    ) -> String {
        #"<text x="\#(number(spot.0))" y="\#(number(spot.1))" text-anchor="\#(anchor)" \#(extra)>\#(escaped(text))</text>"#
    }

    private static func cut(_ text: String, _ count: Int) -> String {
        text.count <= count ? text : text.prefix(count - 1) + "…"
    }

    /// Names come from a file: nothing of them becomes a part of the drawing's own text.
    static func escaped(_ text: String) -> String {
        text.printable.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;")
    }
}

/// Where a plot stands on the paper.
private struct PlotFrame {
    let left: Double
    let top: Double
    let width: Double
    let height: Double

    var bottom: Double { top + height }

    /// - Parameters: parts of the frame's width, and of its height from below.
    func place(_ x: Double, _ y: Double) -> (Double, Double) { (left + width * x, bottom - height * y) }

    func frame(title: String, below: String) -> [String] {
        [
            EconomicsPlot.words(title, (left - 44, top - 26), extra: #"font-size="16" font-weight="600""#),
            EconomicsPlot.words(below, (left + width / 2, bottom + 38), anchor: "middle", extra: ##"fill="#52606d""##),
            EconomicsPlot.line([(left, top), (left, bottom), (left + width, bottom)], "#7b8794", 1),
        ]
    }

    func axes(_ x: PlotScale, _ y: PlotScale, title: String, below: String) -> [String] {
        var lines = frame(title: title, below: below)
        for tick in y.ticks where tick > 0 {
            lines.append(EconomicsPlot.line([place(0, tick / y.end), place(1, tick / y.end)], "#d9dee4", 1))
        }
        for tick in y.ticks {
            let spot = place(0, tick / y.end)
            lines.append(EconomicsPlot.words(y.text(tick), (spot.0 - 8, spot.1 + 4), anchor: "end"))
        }
        for tick in x.ticks {
            let spot = place(tick / x.end, 0)
            lines.append(EconomicsPlot.words(x.text(tick), (spot.0, spot.1 + 18), anchor: "middle"))
        }
        return lines
    }
}

/// An axis from zero with round ticks.
private struct PlotScale {
    let end: Double
    private let step: Double
    private let decimals: Int

    init(covering most: Double) {
        let rough = most / 5
        var power = 1.0
        var decimals = 0
        while power * 10 <= rough { power *= 10 }
        while power > rough, decimals < 9 {
            power /= 10
            decimals += 1
        }
        let step = [1.0, 2, 2.5, 5, 10].map { $0 * power }.first { $0 >= rough } ?? power * 10
        self.step = step
        self.decimals = decimals + (step == 2.5 * power && power <= 1 ? 1 : 0)
        end = (most / step).rounded(.up) * step
    }

    var ticks: [Double] { stride(from: 0, through: end + step / 2, by: step).map { $0 } }

    func text(_ tick: Double) -> String { Numbers.fixed(tick, decimals) }
}

/// An axis of powers of ten.
private struct PlotDecades {
    private let low: Int
    private let high: Int

    private static let known = -9...9

    init(covering values: [Double]) {
        let (least, most) = (values.min() ?? 1, values.max() ?? 1)
        low = Self.known.last { Self.power($0) <= least } ?? Self.known.lowerBound
        high = max(low + 1, Self.known.first { Self.power($0) >= most } ?? Self.known.upperBound)
    }

    var exponents: ClosedRange<Int> { low...high }

    static func power(_ exponent: Int) -> Double {
        (0..<abs(exponent)).reduce(1.0) { value, _ in exponent < 0 ? value / 10 : value * 10 }
    }

    /// Where a value lies, from 0 at the bottom.
    func part(_ value: Double) -> Double {
        let clipped = min(max(value, Self.power(low)), Self.power(high))
        return (log10(clipped) - Double(low)) / Double(high - low)
    }
}
