import Foundation
import TestTools
import Testing
import VideoTypes

@testable import wan_infer

@Suite(.bounded) struct ResultReportTests {
    private let result = ClipReport(
        path: "out.mp4", model: "built-in",
        settings: VideoSettings(
            prompts: Prompts(positive: "a red\n \"circle\""),
            clip: ClipShape(width: 64, height: 64, frames: 81, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .unipc, levels: .steps(30), shift: 5, guidance: [3], seed: 42)),
        backend: "cpu", dtype: "f32", encoder: "libx264", fileBytes: 34_240,
        stageSeconds: [.load: 0.05, .text: 0.01, .denoise: 1.2, .decode: 0.6], totalSeconds: 1.9,
        peakMemoryBytes: 180_000_000, promptTokens: 12, promptTokenLimit: 512)

    @Test func `the report for people is pinned`() {
        expectSnapshot(ResultReport(result: result).text + "\n", named: "report")
    }

    @Test func `the report for programs is pinned and is JSON`() throws {
        let text = "\(ResultReport(result: result).json)"
        expectSnapshot(text + "\n", named: "report-json")
        let object = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
        #expect(object?["seed"] as? Int == 42)
        #expect(object?["prompt"] as? String == "a red\n \"circle\"")
    }

    @Test func `an error is JSON too`() throws {
        let error = VideoError(.mediaFailed, "no \"disk\"", hint: nil)
        let object = try JSONSerialization.jsonObject(with: Data("\(error.json)".utf8)) as? [String: [String: Any]]
        #expect(object?["error"]?["code"] as? String == "media_failed")
        #expect(object?["error"]?["exit_status"] as? Int == 8)
        #expect(error.text == "wan-infer: error: no \"disk\"\n")
    }

    @Test func `a prompt of which only a part was read says so`() {
        for (tokens, isSaid) in [(512, false), (513, true)] {
            let report = ClipReport(
                path: "out.mp4", model: "m", settings: result.settings, backend: "cpu", dtype: "f32", encoder: "e",
                fileBytes: 1, stageSeconds: [:], totalSeconds: 1, peakMemoryBytes: 1, promptTokens: tokens,
                promptTokenLimit: 512)
            let line = "prompt   a red \"circle\" (cut: the model reads 512 of its 513 tokens)\n"
            #expect(report.isPromptCut == isSaid)
            #expect(ResultReport(result: report).text.contains(line) == isSaid)
        }
    }

    @Test func `a picture that the model cannot show is told of`() {
        for (decibels, isSaid) in [(nil, false), (31.25, false), (21.7, true)] as [(Double?, Bool)] {
            let report = ClipReport(
                path: "out.mp4", model: "m", settings: result.settings, backend: "cpu", dtype: "f32", encoder: "e",
                fileBytes: 1, stageSeconds: [:], totalSeconds: 1, peakMemoryBytes: 1, pictureDecibels: decibels)
            let text = ResultReport(result: report).text
            #expect(text.contains("picture  the clip begins") == (decibels != nil))
            #expect(text.contains(" dB from it: m cannot show it as it is\n") == isSaid)
            #expect("\(ResultReport(result: report).json)".contains("\"picture_decibels\": 21.7") == isSaid)
        }
    }

    @Test func `a prompt does not steer the terminal`() {
        #expect(ResultReport.line("a\u{1B}[31m\u{9B}2J red\u{7F} circle") == "a[31m2J red circle")
    }

    @Test func `a long prompt is cut to one line`() {
        #expect(ResultReport.line(String(repeating: "ab\n", count: 500)).count == 201)
    }
}
