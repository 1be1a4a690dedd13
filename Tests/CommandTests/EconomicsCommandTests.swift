import Foundation
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoRouter
import VideoTypes

@testable import wan_infer

#if canImport(FoundationXML)
import FoundationXML
#endif

/// `economics`: what video costs here and at clouds.
@Suite(.bounded) struct EconomicsCommandTests {
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func run(_ arguments: String...) throws -> Subprocess {
        try Subprocess(
            Self.program, ["economics", "--device", "cpu", "--state", folder.file("none")] + arguments,
            folder: folder.path)
    }

    private static let facts = EngineFacts(
        model: "wan2.1-t2v-1.3b", backend: "cuda:0", dtype: "bf16", memoryBytes: 24_000_000_000)

    /// Whoever pays, the clips are the same.
    private static let plans: Result<[ClipPlan], any Error> = Result {
        try VideoPlanner(.published("wan2.1-t2v-1.3b")).growth(of: VideoRequest(prompt: "a bird"), on: facts)
    }

    private static func report(_ options: [String: String], prices: PriceList? = nil) throws -> EconomicsReport {
        EconomicsReport(
            facts: facts, plans: try plans.get(),
            time: TimeModel(prior: facts), money: try EconomicsOptions(OptionValues(options)),
            prices: try prices ?? PriceList.builtIn(), today: try #require(CalendarDay("2026-11-30")))
    }

    private static let rented = [
        "throughput": "1", "gpu-dollars-per-hour": "0.40", "api-dollars-per-second": "0.05",
        "operations-dollars": "2000",
    ]
    private static let bought = [
        "throughput": "1", "hardware-dollars": "1600", "electricity-dollars": "50", "api-dollars-per-second": "0.05",
        "operations-dollars": "2000", "decline": "80",
    ]

    @Test func `a rented card pays from 46,200 seconds a month on, one that is bought from 41,889`() throws {
        let rent = try #require(try Self.report(Self.rented).rows.first?.breakEven)
        #expect(abs(try #require(rent.videoSecondsPerMonth) - 46_153.846) < 0.001)
        let own = try #require(try Self.report(Self.bought).rows.first?.breakEven)
        #expect(abs(try #require(own.videoSecondsPerMonth) - 41_888.889) < 0.001)
    }

    @Test func `the report for people is pinned`() throws {
        expectSnapshot(try Self.report(Self.rented).text + "\n", named: "economics-rented")
        expectSnapshot(try Self.report(Self.bought).text + "\n", named: "economics-bought")
    }

    @Test func `the report for programs has the same numbers`() throws {
        let result = try run(
            "--throughput=1", "--hardware-dollars=1600", "--electricity-dollars=50", "--operations-dollars=2000",
            "--api-dollars-per-second=0.05", "--decline=80", "--volume=50000", "--json", "--svg=plot.svg")
        #expect(result.status == 0 && result.errors.isEmpty, "\(result.errors)")
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        let prices = try #require(object["prices"] as? [[String: Any]])
        #expect(prices.first?["price"] as? String == "stated")
        #expect((prices.first?["break_even_seconds_per_month"] as? Double)?.rounded() == 41_889)
        #expect(prices.first?["month_dollars"] as? Double == 2500)
        // Two machines for more than one can make.
        #expect(object["machines"] as? Double == 2)
        #expect(abs((object["month_dollars"] as? Double ?? 0) - 2000 - 2 * (1600 / 36 + 50)) < 1e-6)
        let machine = try #require(object["machine"] as? [String: Any])
        #expect(machine["busy_seconds_per_second"] as? Double == 60)
        let growth = try #require(object["growth"] as? [[String: Any]])
        #expect(growth.count > 1 && growth.first?["factor"] as? Double == 1)
        #expect(growth.first?["seconds"] as? Double == 60 * (growth.first?["duration_seconds"] as? Double ?? 0))
        let decline = try #require(object["decline"] as? [String: Any])
        #expect(abs((decline["per_year"] as? Double ?? 0) - 0.8) < 1e-9)
        let goals = try #require(decline["goals"] as? [[String: Any]])
        #expect(goals.map { $0["minute_dollars"] as? Double } == [1, 0.1])
        #expect(goals.allSatisfy { $0["date"] is String })
        try expectXML(try Data(contentsOf: URL(filePath: folder.file("plot.svg"))))
    }

    private func expectXML(_ data: Data) throws {
        let parser = XMLParser(data: data)
        let isWhole = parser.parse()
        #expect(isWhole, "\(String(describing: parser.parserError))")
    }

    @Test func `a drawing has no words of a file's that are more than words, and no number that is none`() throws {
        let row =
            #"{"cloud": "fal", "model": "<script>&\"\u0007]]>", "currency": "USD", "date": "2026-11-30", "#
            + #""per": "second", "rates": [{"amount": 0.01, "resolution": "<b>"}]}"#
        try Data("{\"prices\": [\(row)]}".utf8).write(to: URL(filePath: folder.file("prices.json")))
        let prices = try PriceList.withFile(folder.file("prices.json"))
        let odd: [[String: String]] = [
            [:], Self.rented, Self.bought, ["volume": "0"], ["volume": "1e12"], ["throughput": "1e-6"],
            ["throughput": "1e6"], ["api-dollars-per-second": "0"], ["decline": "0"], ["decline": "99.9"],
            ["hardware-dollars": "1e9", "hardware-months": "1"], ["operations-dollars": "1e9"],
        ]
        for options in odd {
            let report = try Self.report(options, prices: prices)
            let drawing = EconomicsPlot(report).text
            try expectXML(Data(drawing.utf8))
            #expect(!drawing.contains("<script") && !drawing.contains("<b>"))
            for text in [drawing, report.text, "\(report.json)"] {
                #expect(!text.lowercased().contains("nan") && !text.contains("inf,"), "\(options): \(text)")
            }
            #expect(!report.text.contains("\u{7}"))
        }
    }

    @Test(arguments: [
        ("throughput", "0"), ("throughput", "-1"), ("throughput", "nan"), ("throughput", "inf"), ("volume", "-1"),
        ("volume", "nan"), ("hardware-dollars", "-1"), ("hardware-months", "0"), ("electricity-dollars", "nan"),
        ("operations-dollars", "-0.01"), ("operations-dollars", "1e10"), ("decline", "100"), ("decline", "-1"),
        ("decline", "x"), ("api-dollars-per-second", "nan"), ("gpu-dollars-per-hour", "-1"),
    ])
    func `a number that is none, or out of its range, is refused by its name`(name: String, value: String) throws {
        do {
            _ = try EconomicsOptions(OptionValues([name: value]))
            Issue.record("--\(name) \(value) was taken")
        } catch {
            #expect(error.code == .invalidRequest && error.message.hasPrefix("--\(name) must be "), "\(error.message)")
        }
    }

    @Test func `prices of a wrong unit, and what is no drawing's name, are refused before anything is written`() throws
    {
        let row =
            #"{"cloud": "fal", "model": "m", "currency": "USD", "date": "2026-11-30", "per": "minute", "#
            + #""rates": [{"amount": 1}]}"#
        try Data("{\"prices\": [\(row)]}".utf8).write(to: URL(filePath: folder.file("prices.json")))
        let unit = try run("--prices", "prices.json", "--svg", "plot.svg")
        #expect(unit.status == 2 && unit.output.isEmpty)
        #expect(unit.errors.contains("prices[0].per must be one of second, clip, got 'minute'"), "\(unit.errors)")
        #expect(unit.errors.contains("hint: "))
        #expect(try run("--svg", "plot.png").errors.contains("--svg writes SVG, got 'plot.png'"))
        #expect(try run("--svg", "no/such/plot.svg").status == 9)
        #expect(try run("a bird").status == 2)
        #expect(try run("--prices", "none.json").errors.contains("there is no price file none.json"))
        #expect(try folder.names == ["prices.json"])
    }
}
