import Foundation
import Pipelines
import TestTools
import Testing
import VideoProvider
import VideoTypes

@testable import wan_infer

/// What is said about a clip before it is made.
@Suite(.bounded) struct PlanReportTests {
    private static let facts = EngineFacts(
        model: "wan2.1-t2v-1.3b", backend: "cuda:0", dtype: "bf16", memoryBytes: 24_000_000_000)

    private static let plan = ClipPlan(
        settings: VideoSettings(
            prompts: Prompts(positive: "a bird"),
            clip: ClipShape(width: 832, height: 480, frames: 81, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .unipc, levels: .steps(50), shift: 8, guidance: [6], seed: 42)),
        work: WorkEstimate(
            tokens: 32_760, passes: 100, decodedPixels: 32_348_160,
            flops: [.text: 2.5e12, .denoise: 3.2e16, .decode: 8e13],
            peakBytes: [.load: 11_361_820_672, .text: 11_361_820_672, .denoise: 4_000_000_000, .decode: 9_000_000_000]))

    private static let residency = ResidencyPlan(
        offload: .blocks, turns: [.denoise: .init(staying: 12, count: 30)],
        broughtBytes: [.text: 11_400_000_000, .denoise: 170_000_000_000, .decode: 250_000_000])

    private static func report(
        _ gpuDollarsPerHour: Double, _ apiDollarsPerSecond: Double?, time: TimeModel = TimeModel(prior: facts)
    ) -> PlanReport {
        PlanReport(
            plan: plan, facts: facts, residency: residency, time: time,
            economics: Economics(gpuDollarsPerHour: gpuDollarsPerHour),
            apiDollarsPerSecond: apiDollarsPerSecond)
    }

    @Test func `the report for people is pinned`() {
        expectSnapshot(Self.report(0.5, 0.1).text + "\n", named: "plan")
    }

    @Test func `the report for programs is JSON with the same numbers`() throws {
        let report = Self.report(0.5, 0.1)
        let text = "\(report.json)"
        let object = try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any])
        #expect(object["tokens"] as? Int == 32_760)
        #expect(object["seed"] as? Int == 42)
        #expect(object["peak_bytes"] as? Int == 11_361_820_672)
        let stages = try #require(object["stages"] as? [String: [String: Any]])
        #expect(Set(stages.keys) == ["load", "text", "denoise", "decode"])
        #expect(stages["denoise"]?["flops"] as? Double == 3.2e16)
        let seconds = stages.values.compactMap { $0["seconds"] as? Double }.reduce(0, +)
        #expect(abs(seconds - (object["seconds_p50"] as? Double ?? 0)) < 1e-6 * seconds)
        let breakEven = try #require(object["break_even"] as? [String: Any])
        #expect(breakEven["reachable"] as? Bool == true)
        // The price of a month over what a second saves.
        let marginal = try #require(object["marginal_dollars_per_second"] as? Double)
        let volume = try #require(breakEven["video_seconds_per_month"] as? Double)
        #expect(abs(volume - 0.5 * 730.5 / (0.1 - marginal)) < 1e-6 * volume)
        #expect("\(Self.report(0, nil).json)".contains("\"break_even\": null"))
    }

    @Test func `a break-even beyond what one machine can make is said to be out of reach`() {
        let dear = Self.report(2.4, 0.012).text
        #expect(dear.contains(" is out of reach: that is "), "\(dear)")
        let reachable = Self.report(0.1, 0.5).text
        #expect(reachable.contains("break-even at 146 seconds of video a month, "), "\(reachable)")
        #expect(Self.report(0.5, 0.0000001).text.contains("it never costs more than the electricity here"))
        #expect(Self.report(0, 0.1).text.contains("it costs more from the first second on"))
        #expect(!Self.report(0.5, nil).text.contains("API"))
    }

    @Test func `what was learned is said`() {
        var time = TimeModel(prior: Self.facts)
        #expect(Self.report(0, nil, time: time).text.contains("assumed: no clip has been timed"))
        time.learn(
            TimeSample(
                work: Self.plan.work, isCold: true, stageSeconds: [.load: 5, .text: 1, .denoise: 300, .decode: 10]))
        #expect(Self.report(0, nil, time: time).text.contains("learned from 1 clip\n"))
    }

    @Test(arguments: [(0, "0.00 $"), (12.345, "12.35 $"), (0.5, "0.50 $"), (0.0123, "0.012 $"), (1e-6, "0.0000010 $")])
    func `little money keeps two digits that count`(value: Double, text: String) {
        #expect(PlanReport.dollars(value) == text)
    }

    @Test func `options of other commands and prices that are none are refused`() throws {
        #expect(throws: VideoError.self) { try ParsedArguments(["plan", "--output", "x.mp4"]) }
        for price in ["nan", "-1", "inf", "1001", "x"] {
            let arguments = try ParsedArguments(["plan", "--api-dollars-per-second", price])
            #expect(throws: VideoError.self) { try OptionValues(arguments.values).dollars("api-dollars-per-second") }
        }
        let arguments = try ParsedArguments(["plan", "a bird", "--api-dollars-per-second", "0.1"])
        #expect(arguments.command == .plan && arguments.prompt == "a bird")
    }
}
