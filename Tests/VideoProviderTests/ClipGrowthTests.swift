import TestTools
import Testing
import VideoProvider
import VideoTypes

/// How the work grows with size and length.
@Suite(.bounded) struct ClipGrowthTests {
    private static let facts = EngineFacts(
        model: "wan2.1-t2v-1.3b", backend: "cuda:0", dtype: "bf16", memoryBytes: 1_000_000)

    private func plans(_ change: (inout VideoRequest) -> Void = { _ in }) throws -> [ClipPlan] {
        let planner = try VideoPlanner(.published("wan2.1-t2v-1.3b"))
        var request = VideoRequest(prompt: "a bird")
        change(&request)
        return try planner.growth(of: request, on: Self.facts)
    }

    @Test func `480p grows to 720p and 1080p, and five seconds to twenty, whatever the memory`() throws {
        let clips = try plans().map(\.settings.clip)
        #expect(clips.map(\.frames) == [81, 81, 81, 161, 161, 161, 325, 325, 325])
        #expect(
            clips.prefix(3).map(\.width) == [832, 1248, 1872] && clips.prefix(3).map(\.height) == [480, 720, 1088])
    }

    @Test func `tokens are counted, attention grows with their square and the rest with them`() throws {
        let plans = try plans()
        #expect(plans[0].work.tokens == 21 * 30 * 52)
        let prior = TimeModel(prior: Self.facts)
        let rows = ClipGrowth.rows(plans) { prior.estimate($0, isCold: false).p50 }
        #expect(rows[0].factor == 1 && rows[0].quadraticFactor == 1)
        for row in rows.dropFirst() {
            let tokens = Double(row.plan.work.tokens) / Double(plans[0].work.tokens)
            #expect(abs(row.quadraticFactor - tokens * tokens) < 1e-9)
            // Between the two: neither is all attention, nor is there none.
            #expect(row.factor > tokens && row.factor < row.quadraticFactor, "\\(row)")
        }
        // The operations of denoising are a tokens + b tokens²: two clips say which, the others must agree.
        func work(_ index: Int) -> (tokens: Double, flops: Double) {
            (Double(plans[index].work.tokens), plans[index].work.flops[.denoise] ?? 0)
        }
        let (first, last) = (work(0), work(8))
        let b = (last.flops / last.tokens - first.flops / first.tokens) / (last.tokens - first.tokens)
        let a = first.flops / first.tokens - b * first.tokens
        #expect(a > 0 && b > 0)
        for index in 1..<8 {
            let (tokens, flops) = work(index)
            #expect(abs(flops - (a + b * tokens) * tokens) < 0.01 * flops)
        }
    }

    @Test func `nothing is divided by zero, and what the model does not make is left out`() throws {
        #expect(ClipGrowth.rows([]) { _ in 1 }.isEmpty)
        #expect(ClipGrowth.rows(try plans()) { _ in 0 }.allSatisfy { $0.factor == 1 && $0.seconds == 0 })
        let long = try plans { $0.frames = 2049 }
        #expect(long.allSatisfy { $0.settings.clip.frames <= VideoRequest.Limits.frames.upperBound })
        #expect(long[0].settings.clip.frames == 2049)
        #expect(throws: VideoError.self) { try plans { $0.frames = 2 } }
    }
}
