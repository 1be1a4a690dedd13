import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

/// `route`, `providers` and `promises` over fake clouds, as somebody at a shell meets them.
@Suite(.bounded, .needs("python3", "ffmpeg")) struct RouterCommandTests {
    private let folder: TemporaryFolder
    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path
    private static let key = "fake-key"
    private static let prompt = "a cat that nobody else thinks of"

    init() throws {
        folder = try TemporaryFolder()
        try write("cloud.key", Self.key)
    }

    private func write(_ name: String, _ text: String, mode: Int = 0o600) throws {
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: mode]
        _ = FileManager.default.createFile(
            atPath: folder.file(name), contents: Data(text.utf8), attributes: attributes)
    }

    /// Two clouds, each with a model; looked at often, so that nobody waits.
    private func configure(_ bed: CloudBed, _ more: String = "") throws {
        func cloud(_ name: String, _ model: String) -> String {
            """
            {"cloud": "\(name)", "models": ["\(model)"], "key": {"file": "cloud.key"}, "url": "\(bed.url(name))", \
            "poll_seconds": 0.05}
            """
        }
        let clouds = [cloud("fal", "kling-v3-pro"), cloud("runway", "gen4.5")].joined(separator: ", ")
        let policy = #""policy": {"checks_quality": false}"#
        try write("router.json", #"{"folder": "router", "clouds": [\#(clouds)], \#(policy)\#(more)}"#)
    }

    private func run(_ words: [String], input: String? = nil) throws -> Subprocess {
        let result = try Subprocess(
            Self.program, words, input: input.map { Data($0.utf8) }, folder: folder.path,
            environment: ["FAL_KEY": "", "RUNWAYML_API_SECRET": ""])
        for text in [result.output, result.errors] { #expect(!text.contains(Self.key), "\(text)") }
        return result
    }

    private static let words = ["route", prompt, "--config", "router.json", "--duration", "5", "--quality", "premium"]

    /// Nothing that was written anywhere holds the key, but the file that it came in.
    private func checkSecrecy() throws {
        let files = try #require(FileManager.default.enumerator(atPath: folder.path))
        for case let name as String in files where name != "cloud.key" {
            guard let bytes = FileManager.default.contents(atPath: folder.file(name)) else { continue }
            #expect(bytes.range(of: Data(Self.key.utf8)) == nil, "\(name)")
        }
    }

    private func object(_ text: String) throws -> [String: Any] {
        try #require(try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any], "\(text)")
    }

    private func bed() throws -> CloudBed {
        let bed = try CloudBed(["fal", "runway"])
        for cloud in ["fal", "runway"] { try bed.reset(cloud) }
        try configure(bed)
        return bed
    }

    @Test func `a scorer that cannot be asked costs nobody a clip, and one that cannot be is refused`() throws {
        let bed = try bed()
        let nameless = try run(Self.words + ["--scorer", "http://127.0.0.1:9/v1"])
        #expect(nameless.status == 2 && nameless.errors.contains("--scorer-model NAME"), "\(nameless.errors)")
        let strange = try run(Self.words + ["--scorer", "no address", "--scorer-model", "m"])
        #expect(strange.status == 2 && strange.errors.contains("the scorer no address"), "\(strange.errors)")
        #expect(try bed.jobs("fal").isEmpty)
        let made = try run(Self.words + ["--scorer", "http://127.0.0.1:9/v1", "--scorer-model", "m"])
        #expect(made.status == 0 && made.output.contains("wrote    out.mp4\n"), "\(made.errors)")
        let log = try String(contentsOfFile: folder.file("router/decisions.jsonl"), encoding: .utf8)
        #expect(log.contains("\"points\""), "\(log)")
        let alone = try run(["serve", "--scorer", "http://127.0.0.1:9/v1", "--scorer-model", "m"])
        #expect(alone.status == 2 && alone.errors.contains("--router"), "\(alone.errors)")
    }

    @Test func `a clip is made by the cheaper cloud, named as generate names it, and its price told`() throws {
        let bed = try bed()
        try write("out.mp4", "somebody's own")
        let made = try run(Self.words + ["--max-cost", "2", "--max-latency", "120"])
        #expect(made.status == 0, "\(made.errors)")
        #expect(made.output.contains("wrote    out-2.mp4\n"), "\(made.output)")
        #expect(made.output.contains("made by  fal/kling-v3-pro, kling-v3-pro\n"))
        #expect(made.output.contains("cost     0.5600 $, quoted 0.5600 $\n"))
        #expect(try Data(contentsOf: URL(filePath: folder.file("out.mp4"))) == Data("somebody's own".utf8))
        #expect(try bed.jobs("fal").count == 1 && bed.jobs("runway").isEmpty)
        // What was copied is not kept twice.
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("router/clips")).isEmpty)
        let json = try run(Self.words + ["--output", "mine.mp4", "--json", "--provider", "runway/gen4.5"])
        let result = try object(json.output)
        #expect(result["file"] as? String == "mine.mp4" && result["provider"] as? String == "runway/gen4.5")
        #expect(result["cost_dollars"] as? Double == 0.6 && result["empty"] is NSNull)
        #expect(FileManager.default.fileExists(atPath: folder.file("mine.mp4")))
        try checkSecrecy()
    }

    @Test func `what fails is tried elsewhere, and a refusal has its own status`() throws {
        let bed = try bed()
        try bed.script("fal", #""ends": ["failed", "failed"]"#)
        let made = try run(Self.words + ["--json"])
        #expect(try object(made.output)["provider"] as? String == "runway/gen4.5", "\(made.errors)")
        try bed.script("fal", #""ends": ["policy"]"#)
        let refused = try run(Self.words + ["--provider", "fal/kling-v3-pro"])
        #expect(refused.status == VideoError.Code.contentPolicy.exitStatus, "\(refused.errors)")
        #expect(refused.errors.contains("hint: ask for something else"))
        try checkSecrecy()
    }

    @Test func `the ranking is told with prices and obstacles, and nothing is ordered`() throws {
        let bed = try bed()
        let told = try run(Self.words + ["--explain", "--max-cost", "0.58"])
        #expect(told.status == 0, "\(told.errors)")
        let lines = told.output.split(separator: "\n")
        #expect(lines.count == 3 && lines[0].contains("what stands in the way"))
        #expect(lines[1].hasPrefix("1  fal/kling-v3-pro") && lines[1].contains("0.5600 $"), "\(told.output)")
        #expect(lines[2].hasPrefix("-  runway/gen4.5") && lines[2].contains("it costs 0.6 $, 0.58 $ are left"))
        let json = try object(try run(Self.words + ["--explain", "--json"]).output)
        #expect((json["providers"] as? [[String: Any]])?.map { $0["rank"] as? Int } == [0, 1])
        #expect(try bed.jobs("fal").isEmpty && bed.jobs("runway").isEmpty)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("router")) == ["clips"])
    }

    @Test func `providers are listed with their state, lengths, sizes and prices`() throws {
        let bed = try bed()
        let listed = try run(["providers", "--config", "router.json"])
        #expect(listed.status == 0, "\(listed.errors)")
        for text in [
            "fal/kling-v3-pro\n  state     ready\n", "  price     0.112 $/s without sound; 0.168 $/s with sound",
            "runway/gen4.5\n", "  seconds   2 to 10 whole\n",
        ] { #expect(listed.output.contains(text), "\(listed.output)") }
        _ = try run(Self.words)
        let json = try object(try run(["providers", "--config", "router.json", "--json"]).output)
        let orders = try #require(json["orders"] as? [[String: Any]])
        #expect(orders.first?["provider"] as? String == "fal/kling-v3-pro")
        #expect(orders.first?["dollars"] as? Double == 0.56)
        #expect(try bed.jobs("fal").count == 1)
    }

    @Test func `an account that has been paid is reset by one of its names`() throws {
        let bed = try bed()
        try bed.script("fal", #""submit": [{"fault": "balance"}]"#)
        #expect(try run(Self.words).output.contains("made by  runway/gen4.5"))
        func state(_ words: [String] = []) throws -> Subprocess {
            try run(["providers", "--config", "router.json"] + words)
        }
        #expect(try state().output.contains("fal/kling-v3-pro\n  state     it asked for a pause\n"))
        let strange = try state(["--reset", "fal/kling"])
        #expect(strange.status == 2)
        #expect(strange.errors.contains("there is no provider 'fal/kling' here; there are: fal/"))
        let reset = try state(["--reset", "fal/kling-v3-pro"])
        #expect(reset.status == 0 && reset.output.contains("fal/kling-v3-pro\n  state     ready\n"), "\(reset)")
        #expect(try state().output.contains("fal/kling-v3-pro\n  state     ready\n"))
        #expect(try run(Self.words).output.contains("made by  fal/kling-v3-pro"))
    }

    @Test func `Ctrl-C stops the order where the cloud can`() throws {
        let bed = try bed()
        try bed.script("fal", #""working_polls": 100000"#)
        let process = Process()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = Self.words + ["--json"]
        process.currentDirectoryURL = URL(filePath: folder.path)
        let output = Pipe()
        process.standardOutput = output
        process.standardError = FileHandle.nullDevice
        try process.run()
        // The order is known to have been taken once it is watched.
        #expect(try eventually { try bed.log("fal").count >= 3 })
        kill(process.processIdentifier, SIGINT)
        let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(text.contains("the order at fal/kling-v3-pro was stopped, it costs "), "\(text)")
        #expect(try bed.log("fal").contains { "\($0)".contains("cancel") })
    }

    @Test func `an order of a process that was killed is fetched, not placed again`() throws {
        let bed = try bed()
        try bed.script("fal", #""held": true"#)
        let process = Process()
        process.executableURL = URL(filePath: Self.program)
        process.arguments = Self.words
        process.currentDirectoryURL = URL(filePath: folder.path)
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        try process.run()
        #expect(try eventually { try bed.jobs("fal").count == 1 })
        // The book has the ticket once it is watched.
        #expect(try eventually { try bed.log("fal").count >= 3 })
        let taken = try run(["providers", "--config", "router.json", "--reset", "fal/kling-v3-pro"])
        #expect(taken.status == 2 && taken.errors.contains("another process has the book of orders"), "\(taken)")
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
        let owed = try run(["promises", "--config", "router.json"])
        #expect(owed.output == "1 order under way at fal/kling-v3-pro\n", "\(owed.output) \(owed.errors)")
        try bed.script("fal", #""held": false"#)
        let kept = try run(["promises", "--config", "router.json", "--keep"])
        #expect(kept.status == 0 && kept.output.contains("out.mp4, by fal/kling-v3-pro for 0.5600 $"), "\(kept)")
        #expect(try bed.jobs("fal").count == 1)
        #expect(try run(["promises", "--config", "router.json"]).output == "nothing is owed\n")
        try checkSecrecy()
    }

    @Test func `what nobody can make now is promised where that is wanted, and made later`() throws {
        let bed = try bed()
        let faults = (0..<20).map { _ in #"{"fault": "server"}"# }.joined(separator: ",")
        for cloud in ["fal", "runway"] { try bed.script(cloud, #""submit": [\#(faults)]"#) }
        let failed = try run(Self.words)
        #expect(failed.status == VideoError.Code.noProvider.exitStatus, "\(failed.errors)")
        #expect(failed.errors.contains("hint: wan-infer providers shows how each stands"))
        let promised = try run(Self.words + ["--promise"])
        #expect(promised.status == 0 && promised.output.contains("promised by "), "\(promised)")
        #expect(try run(["promises", "--config", "router.json"]).output.contains("; given up in 16"))
        for cloud in ["fal", "runway"] { try bed.reset(cloud) }
        let kept = try run(["promises", "--config", "router.json", "--keep", "--json"])
        let all = try #require(try object(kept.output)["kept"] as? [[String: Any]], "\(kept)")
        #expect(all.count == 1 && all[0]["file"] as? String == "out.mp4", "\(kept)")
        #expect(try bed.jobs("fal").count + bed.jobs("runway").count == 1)
    }

    @Test func `what is wrong is said before anything is ordered`() throws {
        let bed = try bed()
        let configuration = ["route", "a cat", "--config", "router.json"]
        for (words, message) in [
            (["route", "a cat"], "route needs a configuration"), (["providers"], "providers needs a configuration"),
            (["route", "a cat", "--config", "none.json"], "there is no configuration none.json"),
            (["route", "a cat", "--config", "/"], "the configuration / cannot be read"),
            (["route", "--config", "router.json"], "there is no prompt"),
            (configuration + ["--max-cost", "-1"], "--max-cost must be between 0.0 and 1000000.0"),
            (configuration + ["--max-cost", "nan"], "--max-cost must be between"),
            (configuration + ["--quality", "best"], "--quality must be one of draft, standard, premium"),
            (configuration + ["--provider", "nobody"], "there is no provider 'nobody' here; there are: fal/kling"),
            (configuration + ["--duration", "77"], "no provider makes such a clip"),
            (configuration + ["--output", "none/clip.mp4"], "none/clip.mp4"),
            (configuration + ["--explain", "--promise"], "--explain orders nothing"),
            (["serve", "--router", "router.json", "--model", "x"], "--model is of a worker on this machine"),
            (["generate", "a cat", "--max-cost", "1"], "--max-cost does not belong to 'generate'"),
        ] {
            let result = try run(words)
            #expect([2, 9].contains(result.status), "\(words) \(result.errors)")
            #expect(result.errors.contains(message), "\(words) \(result.errors)")
        }
        let poor = try run(configuration + ["--duration", "5", "--max-cost", "0.1"])
        #expect(poor.status == VideoError.Code.budgetExceeded.exitStatus, "\(poor.errors)")
        #expect(poor.errors.contains("hint: allow more with --max-cost"))
        try configure(bed, #", "cluods": []"#)
        #expect(try run(configuration).errors.contains("router.json: cluods is not known; known are folder, local"))
        try write("cloud.key", Self.key, mode: 0o644)
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: folder.file("cloud.key"))
        try configure(bed)
        #expect(try run(configuration).errors.contains("the key file cloud.key"))
        #expect(try bed.jobs("fal").isEmpty && bed.jobs("runway").isEmpty)
    }
}
