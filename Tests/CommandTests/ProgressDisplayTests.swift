import TestTools
import Testing
import VideoTypes

@testable import wan_infer

@Suite(.bounded) struct ProgressDisplayTests {
    /// Runs a display over reports at given seconds and returns what it wrote.
    private func shown(
        _ style: ProgressDisplay.Style, _ reports: [(Double, VideoProgress.Stage, Int, Int)], end: Double
    ) -> [String] {
        var now = 0.0
        var texts: [String] = []
        let display = ProgressDisplay(style, clock: { now }, sink: { texts.append($0) })
        for (time, stage, completed, total) in reports {
            now = time
            display.show(VideoProgress(stage: stage, completed: completed, total: total))
        }
        now = end
        display.finish()
        return texts
    }

    private let short: [(Double, VideoProgress.Stage, Int, Int)] = [
        (0, .load, 0, 1), (0.2, .text, 0, 1), (0.3, .denoise, 0, 2), (0.7, .denoise, 1, 2), (1.1, .denoise, 2, 2),
        (1.1, .decode, 0, 5), (1.5, .decode, 5, 5),
    ]

    @Test func `piped, each stage is one line`() {
        #expect(
            shown(.plain, short, end: 1.6) == [
                "load  0.20 s\n", "text  0.10 s\n", "denoise  2/2  0.80 s\n", "decode  5/5  0.50 s\n",
            ])
    }

    @Test func `piped, loading that takes no time is no line`() {
        #expect(shown(.plain, [(0, .load, 0, 20), (0.04, .denoise, 0, 2)], end: 0.05) == ["denoise  0/2  0.01 s\n"])
    }

    @Test func `piped, a long stage speaks every ten seconds`() {
        let steps = (0...100).map { (Double($0), VideoProgress.Stage.denoise, $0, 100) }
        let lines = shown(.plain, steps, end: 100)
        #expect(lines.count == 10)
        #expect(lines.first == "denoise  10/100  1.00 s/step  1 min 30 s left\n")
        #expect(lines.last == "denoise  100/100  1 min 40 s\n")
    }

    @Test func `on a terminal one line is written over and cleared at the end`() {
        let texts = shown(.live(columns: 80), short, end: 1.6)
        #expect(texts.allSatisfy { $0.hasPrefix("\r") && $0.hasSuffix("\u{1B}[K") && !$0.contains("\n") })
        #expect(texts.contains("\rdenoise  1/2  0.40 s/step  0.40 s left\u{1B}[K"))
        #expect(texts.contains("\rdecode  5/5  0.080 s/latent frame  0.00 s left\u{1B}[K"))
        #expect(texts.last == "\r\u{1B}[K")
    }

    @Test func `the line never reaches the last column and redraws at most twenty times a second`() {
        let narrow = shown(.live(columns: 10), short, end: 2)
        #expect(narrow.allSatisfy { $0.dropFirst().prefix { $0 != "\u{1B}" }.count <= 9 })
        let fast = (0...1000).map { (Double($0) / 1000, VideoProgress.Stage.denoise, $0, 1000) }
        #expect(shown(.live(columns: 80), fast, end: 1).count <= 23)
    }

    @Test func `verbose shows every step, quiet none`() {
        let lines = shown(.everyStep, short, end: 2)
        #expect(lines.count == short.count)
        #expect(lines[3] == "0.700 s  denoise  1/2  0.40 s/step  0.40 s left\n")
        #expect(shown(.none, short, end: 2).isEmpty)
    }

    @Test func `nothing shown leaves nothing behind`() {
        #expect(shown(.plain, [], end: 1).isEmpty)
    }
}
