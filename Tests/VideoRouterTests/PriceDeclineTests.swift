import Foundation
import TestTools
import Testing

@testable import VideoRouter

/// What prices of the list come to, and where they go.
@Suite(.bounded) struct PriceDeclineTests {
    private func list(_ rows: [String]) throws -> PriceList {
        try PriceList(Array("{\"prices\": [\(rows.joined(separator: ", "))]}".utf8), "x")
    }

    private func row(_ model: String, _ amount: Double, _ day: String, past: [(String, Double)]) -> String {
        let earlier = past.map { #"{"date": "\#($0.0)", "amount": \#($0.1)}"# }.joined(separator: ", ")
        return #"{"cloud": "fal", "model": "\#(model)", "currency": "USD", "date": "\#(day)", "per": "second", "#
            + #""rates": [{"amount": \#(amount)}], "past": [\#(earlier)]}"#
    }

    /// The reference fit: four fifths a year.
    @Test func `a decline of 80 % a year is found in dated prices, whatever their heights`() throws {
        let exact = try #require(
            PriceDecline(
                fitting: try list([
                    row("a", 0.1, "2026-02-01", past: [("2025-02-01", 0.5)]),
                    row("b", 0.02, "2026-02-01", past: [("2025-02-01", 0.1), ("2024-02-02", 0.5)]),
                    row("c", 7, "2026-02-01", past: []),
                ])))
        // A year of 365 days is a little less than one.
        #expect(abs(exact.perYear - 0.8) < 0.001)
        #expect(exact.fit?.series == 2 && exact.fit?.points == 5 && exact.fit?.first.description == "2024-02-02")
        // One that falls and one that stands still: the mean of the logarithms.
        let mixed = try #require(
            PriceDecline(
                fitting: try list([
                    row("a", 0.1, "2026-02-01", past: [("2025-02-01", 0.5)]),
                    row("b", 0.5, "2026-02-01", past: [("2025-02-01", 0.5)]),
                ])))
        #expect(abs(mixed.perYear - (1 - 0.2.squareRoot())) < 0.001)
        let rising = try #require(
            PriceDecline(fitting: try list([row("a", 0.2, "2026-02-01", past: [("2025-02-01", 0.1)])])))
        #expect(rising.perYear < -0.99)
        let today = try #require(CalendarDay("2026-02-01"))
        #expect(rising.day(from: today, now: 1, to: 0.5) == nil)
    }

    @Test func `where nothing can be fitted, nothing is`() throws {
        #expect(PriceDecline(fitting: try list([])) == nil)
        #expect(PriceDecline(fitting: try list([row("a", 1, "2026-02-01", past: [])])) == nil)
        #expect(PriceDecline(fitting: try list([row("a", 1, "2026-02-01", past: [("2026-02-01", 2)])])) == nil)
        // Nothing has a logarithm.
        #expect(PriceDecline(fitting: try list([row("a", 0, "2026-02-01", past: [("2025-02-01", 2)])])) == nil)
        for stated in [Double.nan, .infinity, 1, 1.5] { #expect(PriceDecline(stated: stated) == nil) }
    }

    @Test func `a minute at five cents a second crosses a dollar and ten cents on days that are told`() throws {
        let decline = try #require(PriceDecline(stated: 0.8))
        #expect(abs(decline.dollars(0.05, after: 1) - 0.01) < 1e-12)
        #expect(abs(decline.dollars(3, after: 2) - 0.12) < 1e-12)
        let today = try #require(CalendarDay("2026-11-30"))
        // ln 3 / ln 5 of a year are 249.3 days, ln 30 / ln 5 are 771.9.
        #expect(decline.day(from: today, now: 3, to: 1)?.description == "2027-08-07")
        #expect(decline.day(from: today, now: 3, to: 0.1)?.description == "2029-01-10")
        #expect(decline.day(from: today, now: 0.09, to: 0.1) == today)
        #expect(decline.day(from: today, now: .nan, to: 0.1) == nil && decline.day(from: today, now: 1, to: 0) == nil)
        #expect(PriceDecline(stated: 0)?.day(from: today, now: 3, to: 1) == nil)
        #expect(PriceDecline(stated: 1e-9)?.day(from: today, now: 3, to: 1) == nil)
    }

    @Test func `the list of this program has earlier prices, and its fit is theirs`() throws {
        let built = try PriceList.builtIn()
        let decline = try #require(PriceDecline(fitting: built))
        // Of six things one fell, from 0.15 to 0.10, within 275 days.
        #expect(decline.fit?.series == 6 && decline.fit?.points == 12)
        #expect(abs(decline.perYear - (1 - exp(log(0.10 / 0.15) / 6 * 365.25 / 275))) < 1e-9)
    }

    @Test func `offers are the cheapest first, and say which are closed`() throws {
        let offers = try PriceList.builtIn().offers
        #expect(offers.map(\.dollarsPerSecond) == offers.map(\.dollarsPerSecond).sorted())
        let today = try #require(CalendarDay("2026-11-30"))
        let sora = try #require(offers.first { $0.model == "sora-2" })
        let before = try #require(CalendarDay("2026-09-23"))
        #expect(!sora.isServed(on: today) && sora.isServed(on: before))
        let hailuo = offers.filter { $0.model == "MiniMax-Hailuo-2.3" }.map(\.text)
        #expect(hailuo.contains("minimax/MiniMax-Hailuo-2.3, clips of 6 s"), "\(hailuo)")
        let clip = try list([
            #"{"cloud": "fal", "model": "m", "currency": "USD", "date": "2026-11-30", "per": "clip", "#
                + #""rates": [{"amount": 3}, {"seconds": 6, "amount": 3}]}"#
        ])
        #expect(clip.offers.map(\.dollarsPerSecond) == [0.5])
    }

    @Test func `every day has its name`() throws {
        for day in stride(from: 0, through: 2_932_896, by: 1) where day % 97 == 0 || day < 30_000 {
            let named = try #require(CalendarDay(days: day))
            #expect(CalendarDay(named.description)?.days == day)
        }
        #expect(CalendarDay(days: -1) == nil && CalendarDay(days: 2_932_897) == nil)
        #expect(CalendarDay(days: 2_932_896)?.description == "9999-12-31")
    }
}
