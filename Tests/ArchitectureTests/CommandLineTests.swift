import Compute
import Foundation
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes
import Weights

@testable import wan_infer

/// What programs rely on: options, statuses, and that the pages tell the truth about them.
@Suite(.bounded, .serialized) struct CommandLineTests {
    /// A new option is a promise for ever.
    ///
    /// Prefer a default that needs no option; if there is none, add it here, to the
    /// page and to the snapshot of the help.
    private static let options = [
        "prompt", "negative-prompt", "image", "last-image", "lora", "size", "width", "height", "resolution",
        "aspect-ratio", "frames", "seconds", "seconds-rule", "fps", "sound", "shot", "with", "continues",
        "steps", "guidance",
        "guidance-2", "guidance-schedule", "flow-shift", "scheduler", "sigmas", "seed", "quality", "attention",
        "vae-tiling", "max-latency", "max-cost",
        "model", "transformer", "transformer-2", "vae", "text-encoder", "image-encoder", "tokenizer", "pull",
        "revision", "device", "dtype", "threads", "vram-limit", "offload",
        "output",
        "no-metadata", "dump", "batch", "checkpoint", "resume", "decode-only", "retry-f32", "preview",
        "throughput", "volume", "hardware-dollars", "hardware-months", "electricity-dollars", "operations-dollars",
        "decline", "prices", "svg", "json",
        "host", "port", "state", "lora-dir", "key-file", "host-names", "origins",
        "webhook-hosts", "local-webhook-hosts", "webhook-secret-file", "gpu-dollars-per-hour",
        "api-dollars-per-second", "config", "router", "scorer", "scorer-model", "provider", "explain", "promise",
        "keep", "reset",
        "simulate", "policy", "quiet", "verbose", "version", "help",
    ]

    @Test func `the options are the ones that were agreed`() {
        #expect(CommandOption.all.map(\.name) == Self.options)
        // `worker` is not in the help: the service starts it, on a connection that nobody else has.
        #expect(
            Command.allCases.map(\.rawValue) == [
                "generate", "plan", "economics", "doctor", "models", "serve", "route", "providers", "promises",
                "completions", "man", "help", "version", "worker",
            ])
    }

    @Test func `every kind of failure has its own status`() {
        let codes = VideoError.Code.all
        #expect(Set(codes.map(\.exitStatus)).count == codes.count)
        #expect(Set(codes.map(\.name)).count == codes.count)
        #expect(codes.allSatisfy { (2...130).contains($0.exitStatus) && (400...599).contains($0.httpStatus) })
    }

    private static let page = ".github/COMMAND.md"

    @Test func `the page lists every status with its name`() throws {
        let found = Self.missingStatuses(in: try SourceFile(Self.page).text)
        #expect(found.isEmpty, "not in \(Self.page): \(found.joined(separator: ", "))")
        #expect(Self.missingStatuses(in: "| 2 | `invalid_request` | x |").count == VideoError.Code.all.count - 1)
    }

    private static func missingStatuses(in text: String) -> [String] {
        VideoError.Code.all.map { "| \($0.exitStatus) | `\($0.name)` |" }.filter { !text.contains($0) }
    }

    @Test func `the page shows the help as it is`() throws {
        try GeneratedBlock(name: "help", text: "```\n\(Usage.text)\n```").expect(in: Self.page)
    }

    @Test func `the README's table of models is the manifest`() throws {
        let models = try ModelsCommand.manifest().models
        #expect(models.count > 5)
        let rows = try models.map { entry in
            let defaults = entry.defaults
            let size = "\(Numbers.parameters(entry.parameters)), \(Numbers.bytes(2 * entry.parameters))"
            return "| `\(entry.id)` | \(entry.repository ?? "in the binary") | \(entry.task.rawValue) | "
                + "\(defaults.width)x\(defaults.height), \(defaults.frames) frames | \(size) | "
                + "\(try Self.memory(entry)) | \(entry.licence) | \(entry.status.rawValue) |"
        }
        let head = [
            "| model | repository | task | default clip | parameters, in 16 bits | memory for that clip | licence | status |",
            "|---|---|---|---|---|---|---|---|",
        ]
        try GeneratedBlock(name: "models", text: (head + rows).joined(separator: "\n")).expect(in: "README.md")
    }

    /// What a plan says of the default clip in bf16, with the pictures that it needs; of the model inside in f32.
    private static func memory(_ entry: Manifest.Entry) throws -> String {
        guard entry.status != .notSupported else { return "" }
        let isInside = entry.layout == .embedded
        let planner = try VideoPlanner(isInside ? .builtIn : .published(entry.id))
        let facts = EngineFacts(
            model: entry.id, backend: "cpu", dtype: isInside ? "f32" : "bf16", memoryBytes: nil)
        let work = try planner.plan(forecasting: VideoRequest(prompt: planner.samplePrompt), on: facts).work
        return Numbers.bytes(work.peakBytes.values.max() ?? 0)
    }

    @Test func `links of the pages lead to files of the repository`() throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: SourceFile.root.path + "/.github")
        let pages = ["README.md", "bench/README.md"] + names.filter { $0.hasSuffix(".md") }.map { ".github/\($0)" }
        #expect(pages.count > 6)
        for page in pages {
            for link in Self.links(in: try SourceFile(page).text) {
                let folder = URL(filePath: page, relativeTo: SourceFile.root).deletingLastPathComponent()
                let target = folder.appending(path: link).path
                #expect(FileManager.default.fileExists(atPath: target), "\(page): \(link)")
            }
        }
        #expect(Self.links(in: "[a](b.md#c) [d](https://e.org) [f](#g) ![h](i/j.png)") == ["b.md", "i/j.png"])
    }

    /// Relative ones, without the place in the page.
    private static func links(in text: String) -> [String] {
        text.matches(of: /\]\(([^)\s]+)\)/).map { String($0.1.prefix { $0 != "#" }) }
            .filter { !$0.isEmpty && !$0.hasPrefix("http") }
    }

    @Test func `a block that is out of date is found`() {
        let block = GeneratedBlock(name: "n", text: "new")
        let document = "a\n<!-- n -->\nold\n<!-- end of n -->\nb\n"
        #expect(block.content(of: document) == "old")
        #expect(block.replaced(in: document) == "a\n<!-- n -->\nnew\n<!-- end of n -->\nb\n")
        #expect(block.content(of: "no block") == nil)
    }
}

/// A part of a document that code writes.
struct GeneratedBlock {
    let name: String
    let text: String

    private func range(in document: String) -> Range<String.Index>? {
        guard let start = document.firstRange(of: "<!-- \(name) -->\n"),
            let end = document[start.upperBound...].firstRange(of: "\n<!-- end of \(name) -->")
        else { return nil }
        return start.upperBound..<end.lowerBound
    }

    func content(of document: String) -> String? {
        range(in: document).map { String(document[$0]) }
    }

    func replaced(in document: String) -> String? {
        range(in: document).map { document.replacingCharacters(in: $0, with: text) }
    }

    /// Compares, or writes anew where `RECORD_SNAPSHOTS=1`, and then still fails.
    func expect(in path: String) throws {
        let document = try SourceFile(path).text
        guard ProcessInfo.processInfo.environment["RECORD_SNAPSHOTS"] == "1" else {
            let isCurrent = content(of: document) == text
            #expect(isCurrent, "the block '\(name)' of \(path) is out of date; RECORD_SNAPSHOTS=1 make test mends it")
            return
        }
        guard let recorded = replaced(in: document) else {
            Issue.record("\(path) has no block '\(name)'")
            return
        }
        try recorded.write(to: SourceFile.root.appendingPathComponent(path), atomically: true, encoding: .utf8)
        Issue.record("recorded the block '\(name)' of \(path)")
    }
}
