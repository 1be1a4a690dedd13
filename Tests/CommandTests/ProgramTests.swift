import Foundation
import Media
import TestSupport
import TestTools
import Testing
import VideoTypes

@testable import wan_infer

/// The built program, run as a person would.
@Suite(.bounded) struct ProgramTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// The program lies beside the test bundle that is running.
    private static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path

    private func run(_ arguments: String..., input: Data? = nil) throws -> Subprocess {
        try Subprocess(Self.path, arguments, input: input, folder: folder.path)
    }

    /// Runs a shell script with the program as $0.
    private func shell(_ script: String) throws -> Subprocess {
        try Subprocess("/bin/bash", ["-c", script, Self.path], folder: folder.path)
    }

    @Test func `help is pinned`() throws {
        let help = try run("--help")
        #expect(help.status == 0 && help.errors.isEmpty)
        expectSnapshot(help.output, named: "help")
        #expect(try run("help").output == help.output)
        for command in ["generate", "plan", "economics", "doctor", "models", "serve", "route", "help", "version"] {
            let about = try run("help", command)
            #expect(about.output.hasPrefix("usage: wan-infer ") && about.output != help.output)
            #expect(try run(command, "--help").output == about.output)
        }
        #expect(try run("help", "serve").output.contains("--key-file FILE"))
        #expect(try !run("help", "serve").output.contains("--frames"))
        #expect(try run("version").output == "wan-infer \(Version.text)\n")
        #expect(try run("help", "worker").status == 2)
        #expect(help.output.split(separator: "\n").allSatisfy { $0.count <= 100 })
    }

    @Test func `errors are pinned and nothing is written`() throws {
        let lines: [[String]] = [
            ["--stpes", "3"], ["--steps", "0"], ["--frames", "80"], ["--guidance", "nan"], ["--model", "no/such"],
            ["--device", "gpu"], ["--prompt", ""], ["--output", "no/such/x.mp4"], ["--output", "clip.gif"],
            ["--json="], ["--size", "big"], ["--size", "96x96", "--width", "96"], ["--quality", "high"],
            ["help", "me"],
        ]
        var text = ""
        for line in lines {
            let result = try Subprocess(Self.path, line, folder: folder.path)
            text += "$ wan-infer \(line.joined(separator: " "))\n\(result.errors)exit status \(result.status)\n\n"
            #expect(result.output.isEmpty)
        }
        expectSnapshot(text, named: "errors")
        #expect(try folder.names.isEmpty)
    }

    @Test func `a plan says what a clip takes and makes none`() throws {
        let result = try run(
            "plan", "a red circle", "--device", "cpu", "--steps", "2", "--json", "--state", folder.file("none"))
        #expect(result.status == 0 && result.errors.isEmpty)
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        #expect(object?["prompt"] as? String == "a red circle")
        #expect(object?["passes"] as? Int == 4)
        #expect((object?["flops"] as? Double ?? 0) > 1e9)
        #expect((object?["seconds_p90"] as? Double ?? 0) > (object?["seconds_p50"] as? Double ?? 1))
        #expect(try run("plan", "--width", "100").errors.contains("use 96 x 96 or 112 x 96"))
        #expect(try folder.names.isEmpty)
    }

    @Test func `steps and frames alone make a clip of the sample prompt`() throws {
        let result = try run("--steps", "2", "--frames", "5")
        #expect(result.status == 0)
        #expect(result.errors.contains("no prompt given, using the model's sample: "))
        #expect(result.errors.contains("denoise  2/2  "))
        #expect(result.output.hasPrefix("wrote    out.mp4\n"))
        #expect(try folder.names == ["out.mp4"])
        #expect(try MP4Reader(path: folder.file("out.mp4")).facts().frames == 5)
    }

    @Test func `a clip that is there stays, unless its name is given`() throws {
        let words = ["x", "--steps", "1", "--frames", "1", "--device", "cpu", "--json"]
        var names: [String] = []
        for _ in 0..<3 {
            let result = try Subprocess(Self.path, words, folder: folder.path)
            let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
            names.append(try #require(object?["file"] as? String))
        }
        #expect(names == ["out.mp4", "out-2.mp4", "out-3.mp4"])
        #expect(try folder.names == names.sorted())
        let first = try Data(contentsOf: URL(fileURLWithPath: folder.file("out.mp4")))
        #expect(try Subprocess(Self.path, words + ["--output", "out.mp4"], folder: folder.path).status == 0)
        #expect(try folder.names == names.sorted())
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("out.mp4"))) != first)
    }

    @Test func `length and size are taken in the words of the API`() throws {
        let result = try run(
            "plan", "x", "--seconds", "1", "--size", "64x48", "--json", "--device", "cpu", "--state",
            folder.file("none"))
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        #expect(object?["frames"] as? Int == 9 && object?["width"] as? Int == 64 && object?["height"] as? Int == 48)
        for name in ["built-in", "builtin"] {
            #expect(try run("plan", "x", "--model", name, "--device", "cpu").status == 0)
        }
    }

    @Test func `a published model is planned with before it is fetched`() throws {
        let nowhere = ["WAN_INFER_MODELS": folder.file("models"), "HF_HUB_CACHE": folder.file("hub")]
        let words = ["plan", "x", "--device", "cpu", "--json", "--frames", "5", "--width", "64", "--height", "64"]
        for (name, id) in [
            ("wan2.1-t2v-1.3b", "wan2.1-t2v-1.3b"), ("Wan-AI/Wan2.1-T2V-1.3B-Diffusers", "wan2.1-t2v-1.3b"),
            ("cogvideox-2b", "cogvideox-2b"),
        ] {
            let result = try Subprocess(
                Self.path, words + ["--model", name], folder: folder.path, environment: nowhere)
            let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
            // A machine may be too small for it: then that is the answer.
            #expect(result.status == 0 || result.errors.contains("needs about"), "\(result.errors)")
            if result.status == 0 {
                #expect(object?["model"] as? String == id)
                #expect(object?["published_numbers"] as? Bool == true)
            }
        }
        let missing = try Subprocess(
            Self.path, ["x", "--model", "wan2.1-t2v-1.3b"], folder: folder.path, environment: nowhere)
        #expect(missing.status == 3)
        #expect(missing.errors.contains("hint: wan-infer models pull wan2.1-t2v-1.3b fetches it"), "\(missing.errors)")
    }

    @Test func `the prompt comes from standard input`() throws {
        let result = try run(
            "--steps=2", "--frames=1", "--json", "--seed", "7", input: Data("a blue square \n".utf8))
        #expect(result.status == 0)
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any]
        #expect(object?["prompt"] as? String == "a blue square")
        #expect(object?["seed"] as? Int == 7)
        #expect(object?["file"] as? String == "out.mp4")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("out.mp4"))).count
        #expect(object?["bytes"] as? Int == bytes)
        let comment = try #require(try MP4Reader(path: folder.file("out.mp4")).metadata("comment"))
        #expect(comment.contains("a blue square") && comment.contains("\"seed\": 7"))
    }

    @Test func `no metadata means none, and quiet means silence`() throws {
        let result = try run("a secret", "--steps=1", "--frames=1", "--no-metadata", "--quiet")
        #expect(result.status == 0 && result.output.isEmpty && result.errors.isEmpty)
        let reader = try MP4Reader(path: folder.file("out.mp4"))
        #expect(reader.metadata("comment") == nil && reader.metadata("title") == nil)
        let bytes = try Data(contentsOf: URL(fileURLWithPath: folder.file("out.mp4")))
        #expect(bytes.range(of: Data("secret".utf8)) == nil)
    }

    @Test func `a silent pipe, a closed input and a closed output do not stop a clip`() throws {
        let silent = try shell("mkfifo pipe; exec 3<>pipe; \"$0\" --steps 1 --frames 1 <pipe")
        #expect(silent.errors.contains("no prompt given"))
        let closed = try shell("\"$0\" --steps 1 --frames 1 --output closed.mp4 <&- >&- 2>&-")
        #expect(closed.status == 0)
        #expect(try MP4Reader(path: folder.file("closed.mp4")).facts().frames == 1)
    }

    @Test func `words that are not UTF-8 are refused by their position`() throws {
        let result = try shell("\"$0\" --prompt $'a\\xff'")
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix("wan-infer: error: argument 2 is not valid UTF-8\n"))
    }

    @Test func `an error is an object on standard output when JSON is asked for`() throws {
        let result = try run("--json", "--model", "no/such")
        #expect(result.status == 3)
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: [String: Any]]
        #expect(object?["error"]?["code"] as? String == "model_not_found")
    }

    @Test func `output that cannot be printed is an error`() throws {
        #expect(try shell("\"$0\" --help >/dev/full").status == 9)
    }

    @Test(arguments: ["INT", "TERM"])
    func `a signal stops the run, leaves no file and keeps the old one`(signal: String) throws {
        try Data("old".utf8).write(to: URL(fileURLWithPath: folder.file("out.mp4")))
        let result = try shell(
            """
            set -m
            "$0" x --steps 1000 --verbose 2>log & pid=$!
            until grep -q "denoise  3/" log; do sleep 0.02; done
            kill -\(signal) $pid; wait $pid; status=$?; tail -n 2 log >&2; rm log; exit $status
            """)
        #expect(result.status == 130)
        #expect(result.errors.hasSuffix("wan-infer: error: cancelled during denoise\n"))
        #expect(try folder.names == ["out.mp4"])
        #expect(try Data(contentsOf: URL(fileURLWithPath: folder.file("out.mp4"))) == Data("old".utf8))
    }

    @Test func `a file-size limit is an error that leaves nothing`() throws {
        let result = try shell("ulimit -f 1; \"$0\" x --steps 1")
        #expect(result.status == 9)
        #expect(result.errors.contains("File too large"))
        #expect(try folder.names.isEmpty)
    }

    @Test func `the user's limit to instructions holds, and a word that is none is an error`() throws {
        func doctor(_ word: String) throws -> Subprocess {
            try Subprocess(Self.path, ["doctor"], folder: folder.path, environment: ["WAN_INFER_MAX_ISA": word])
        }
        let limited = try doctor("sse41")
        #expect(limited.status == 0, "\(limited.errors)")
        #expect(limited.output.contains("kernels for baseline, limited by WAN_INFER_MAX_ISA"))
        let wrong = try doctor("avx3")
        #expect(wrong.status != 0)
        #expect(wrong.errors.contains("WAN_INFER_MAX_ISA is avx3, which is none of sse41, avx, avx2, avx512"))
        #expect(wrong.errors.contains("unset WAN_INFER_MAX_ISA"))
    }

    @Test func `the doctor finds a working machine and the models are listed`() throws {
        let doctor = try run("doctor")
        #expect(doctor.status == 0, "\(doctor.output)\(doctor.errors)")
        #expect(doctor.output.contains("  ok  self-test"))
        #expect(doctor.output.contains("  ok  service    libmicrohttpd "))
        let json = try run("doctor", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: [String: Any]]
        for dtype in ["f32", "bf16"] { #expect(object?[dtype]?["product_gflops"] as? Double ?? 0 > 0) }
        #expect(try run("models").output.contains("built-in"))
    }
}
