import Foundation
import JobStore
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

@testable import wan_infer

/// Runs of the program that end before their clip does, and those that come after them.
@Suite(.bounded) struct LongRunTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path

    private func run(_ words: [String], failing point: String? = nil) throws -> Subprocess {
        try Subprocess(
            Self.program, words, folder: folder.path,
            environment: point.map { [FailPoint.variable: $0] } ?? [:])
    }

    private func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: folder.file(name))) }

    private static let clip = ["a red ball", "--steps", "5", "--frames", "5", "--seed", "7", "--device", "cpu"]

    private static let long = ["a red ball", "--steps", "40", "--frames", "5", "--seed", "7", "--device", "cpu"]

    @Test func `a clip that is killed behind every step goes on to the same bytes`() throws {
        #expect(try run(Self.clip + ["--output", "whole.mp4"]).status == 0)
        let words = ["--checkpoint", "kept", "--output", "clip.mp4"]
        // The first process dies while it writes the second checkpoint, and so does each that goes on from the first.
        #expect(try run(Self.clip + words, failing: "mid_checkpoint:2").status == FailPoint.exitStatus)
        for step in 1..<5 {
            #expect(try folder.names.contains("kept"))
            let again = try run(Self.clip + words)
            #expect(again.status == VideoError.Code.stateUnusable.exitStatus)
            #expect(again.errors.contains("step \(step) of 5 of “a red ball”"), "\(again.errors)")
            #expect(again.errors.contains("--resume goes on with it"))
            guard step < 4 else { break }
            // All but the folder may be left out: it is known what was being made.
            let next = try run(
                words + ["--device", "cpu", "--resume", "--prompt", "a red ball"], failing: "mid_checkpoint:2")
            #expect(next.status == FailPoint.exitStatus, "\(next.errors)")
        }
        #expect(try run(words + ["--device", "cpu", "--resume"], failing: "mid_encode").status == FailPoint.exitStatus)
        let last = try run(words + ["--device", "cpu", "--resume", "--verbose"])
        #expect(last.status == 0, "\(last.errors)")
        #expect(last.errors.contains("denoise  5/5") && !last.errors.contains("denoise  4/5"))
        #expect(try bytes("clip.mp4") == bytes("whole.mp4"))
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.file("kept")).isEmpty)
    }

    @Test func `another clip is refused with what differs, and nothing to go on from is said`() throws {
        let words = ["--checkpoint", "kept"]
        #expect(try run(Self.clip + words, failing: "mid_checkpoint:3").status == FailPoint.exitStatus)
        let other = try run(Array(Self.clip.dropLast(4)) + ["--seed", "8", "--device", "cpu"] + words + ["--resume"])
        #expect(other.status == VideoError.Code.stateUnusable.exitStatus)
        #expect(other.errors.contains("seed is 7 there and 8 here"), "\(other.errors)")
        let nothing = try run(Self.clip + ["--checkpoint", "empty", "--resume"])
        #expect(nothing.status == 0 && nothing.errors.contains("nothing is kept in 'empty/clip.safetensors' yet"))
        #expect(try run(["x", "--resume"]).status == 2)
    }

    @Test func `a stopped run says how to go on, and that works`() throws {
        let script = """
            set -m
            "$0" 'a red ball' --steps 40 --frames 5 --seed 7 --device cpu --checkpoint 'my state' \\
                --verbose 2>log & pid=$!
            until grep -q "denoise  3/" log; do sleep 0.02; done
            kill -INT $pid; wait $pid; cat log >&2
            """
        let stopped = try Subprocess("/bin/bash", ["-c", script, Self.program], folder: folder.path)
        let command = try Self.command(stopped.errors)
        #expect(command.contains("'my state'") && command.contains("--resume"))
        let resumed = try follow(command)
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try run(Self.long + ["--output", "whole.mp4"]).status == 0)
        #expect(try bytes("out.mp4") == bytes("whole.mp4"))
    }

    @Test func `latents of a clip that cannot be written are kept, and the printed command makes it`() throws {
        let script = """
            mkdir clips; set -m
            "$0" 'a red ball' --steps 40 --frames 5 --seed 7 --device cpu --output clips/out.mp4 \\
                --verbose 2>log & pid=$!
            until grep -q "denoise  3/" log; do sleep 0.02; done
            rmdir clips; wait $pid; status=$?; cat log >&2; exit $status
            """
        let failed = try Subprocess("/bin/bash", ["-c", script, Self.program], folder: folder.path)
        #expect(failed.status == VideoError.Code.outputFailed.exitStatus, "\(failed.errors)")
        #expect(try folder.names.contains("out.latents.safetensors"))
        let command = try Self.command(failed.errors)
        try FileManager.default.createDirectory(atPath: folder.file("clips"), withIntermediateDirectories: false)
        let decoded = try follow(command)
        #expect(decoded.status == 0, "\(command)\n\(decoded.errors)")
        #expect(try run(Self.long + ["--output", "whole.mp4"]).status == 0)
        #expect(try bytes("clips/out.mp4") == bytes("whole.mp4"))
        for more in [["x"], ["--steps", "3"], ["--seed", "1"], ["--checkpoint", "y"], ["--preview", "p.png"]] {
            #expect(try run(["--decode-only", "out.latents.safetensors"] + more).status == 2)
        }
        #expect(try run(["--decode-only", "none.safetensors"]).errors.contains("there is no file"))
    }

    /// What stands behind "go on with: ".
    private static func command(_ errors: String) throws -> String {
        let mark = try #require(errors.range(of: "go on with: "), "\(errors)")
        return String(errors[mark.upperBound...].prefix { $0 != "\n" })
    }

    /// Types a printed command into a shell.
    private func follow(_ command: String) throws -> Subprocess {
        let script = "wan-infer() { \"$program\" \"$@\"; }; " + command
        return try Subprocess(
            "/bin/bash", ["-c", "program=\"$0\"; " + script, Self.program], folder: folder.path)
    }

    // MARK: Batches

    private func write(_ text: String, _ name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: folder.file(name)))
    }

    private static let small = ["--steps", "2", "--frames", "5", "--device", "cpu"]

    @Test func `a file's lines become numbered clips, each as if it had been asked for alone`() throws {
        try write(
            """
            "a red ball"
            {"prompt": "a blue star", "seed": 5.0, "num_frames": 1e0}

            {"prompt": "a green ring", "size": "64x64", "guidance": 1.5, "seed": "18446744073709551615"}
            """, "clips.jsonl")
        let batch = try run(["--batch", "clips.jsonl", "--seed", "9", "--json"] + Self.small)
        #expect(batch.status == 0, "\(batch.errors)")
        #expect(batch.output.split(separator: "\n").count == 3)
        #expect(try folder.names == ["clips.jsonl", "out-1.mp4", "out-2.mp4", "out-3.mp4"])
        let alone: [[String]] = [
            ["a red ball", "--seed", "9"] + Self.small,
            ["a blue star", "--seed", "5", "--steps", "2", "--frames", "1", "--device", "cpu"],
            ["a green ring", "--size", "64x64", "--guidance", "1.5", "--seed", "18446744073709551615"] + Self.small,
        ]
        for (index, words) in alone.enumerated() {
            #expect(try run(words + ["--output", "alone.mp4"]).status == 0)
            #expect(try bytes("alone.mp4") == bytes("out-\(index + 1).mp4"), "clip \(index + 1)")
        }
        // What is there is not replaced, and what is missing is made.
        #expect(try run(["--batch", "clips.jsonl", "--seed", "9"] + Self.small).status == 9)
        let second = try bytes("out-2.mp4")
        try FileManager.default.removeItem(atPath: folder.file("out-2.mp4"))
        let resumed = try run(["--batch", "clips.jsonl", "--seed", "9", "--resume"] + Self.small)
        #expect(resumed.status == 0 && resumed.errors.contains("2 of 3 clips are there already"), "\(resumed.errors)")
        #expect(try bytes("out-2.mp4") == second)
        try write("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 423704\n", "pointer.txt")
        let pointer = try run(["--batch", "pointer.txt"] + Self.small)
        #expect(pointer.status == 2 && pointer.errors.contains("pointer.txt: a Git LFS pointer"), "\(pointer.errors)")
        #expect(pointer.errors.contains("git lfs pull"))
        try write("a cat\na dog\na cow\n", "clips.txt")
        let other = try run(["--batch", "clips.txt", "--resume"] + Self.small)
        #expect(other.status == 9 && other.errors.contains("is a clip of another prompt: “a red ball”"))
    }

    @Test(arguments: [
        ("x.jsonl", "\"a\"\n{\"prompt\": \"b\", \"steps\": 0}\n", "line 2 of 'x.jsonl': --steps must be between"),
        ("x.jsonl", "{\"prompt\": \"a\", \"steps\": \"3\"}", "line 1 of 'x.jsonl': 'steps' must be a whole number"),
        ("x.jsonl", "{\"prompt\": \"a\", \"stpes\": 3}", "there is no field 'stpes'"),
        ("x.jsonl", "{\"prompt\": \"a\", \"frames\": 5, \"num_frames\": 5}", "are one field"),
        ("x.jsonl", "{\"prompt\": \"a\"", "line 1 of 'x.jsonl': not JSON"),
        ("x.jsonl", "\n\n[1]", "line 3 of 'x.jsonl': neither a prompt nor an object"),
        ("x.jsonl", "{\"steps\": 3}", "the prompt is empty"),
        ("x.jsonl", "\"a\"\n{\"prompt\": \"b\", \"frames\": 80}", "line 2 of 'x.jsonl': --frames must be 4k + 1"),
        ("x.jsonl", "{\"prompt\": \"a\", \"image\": \"none.png\"}", "none.png"),
        ("x.txt", "\n \n", "has no line with a clip"),
        ("x.csv", "a", "--batch reads .txt and .jsonl"),
    ])
    func `a line that cannot be made is said before any is`(name: String, text: String, words: String) throws {
        try write(text, name)
        let result = try run(["--batch", name] + Self.small)
        #expect(result.status == 2, "\(result.errors)")
        #expect(result.errors.contains(words), "\(result.errors)")
        #expect(try folder.names == [name])
    }

    @Test func `a clip that fails does not end the others, and the status says so`() throws {
        try write("a red ball\na blue ball\na green ball\n", "clips.txt")
        // Its place is taken by what is not there when the batch is checked.
        let script = """
            set -m
            "$0" --batch clips.txt --steps 30 --frames 5 --seed 3 --device cpu --verbose >out 2>log & pid=$!
            until grep -q "denoise  3/" log; do sleep 0.02; done
            mkdir out-2.mp4; wait $pid; status=$?; cat log >&2; exit $status
            """
        let result = try Subprocess("/bin/bash", ["-c", script, Self.program], folder: folder.path)
        #expect(result.status == VideoError.Code.outputFailed.exitStatus)
        #expect(result.errors.contains("1 of 3 clips failed, of line 2"), "\(result.errors)")
        #expect(try folder.names.filter { $0.hasSuffix(".mp4") } == ["out-1.mp4", "out-2.mp4", "out-3.mp4"])
        try FileManager.default.removeItem(atPath: folder.file("out-2.mp4"))
        let resumed = try follow(Self.command(result.errors))
        #expect(resumed.status == 0, "\(resumed.errors)")
        #expect(try run(["--batch", "clips.txt", "--resume"]).errors.contains("3 of 3 clips are there already"))
    }

    @Test func `a preview is drawn while a clip is made`() throws {
        let result = try run(Self.clip + ["--preview", "look.png"])
        #expect(result.status == 0, "\(result.errors)")
        #expect(try folder.names == ["look.png", "out.mp4"])
        #expect(try bytes("look.png").starts(with: [0x89, 0x50, 0x4E, 0x47]))
        #expect(try run(Self.clip + ["--preview", "look.jpg"]).status == 2)
        #expect(try run(Self.clip + ["--preview", "no/such/look.png"]).status == 9)
    }
}
