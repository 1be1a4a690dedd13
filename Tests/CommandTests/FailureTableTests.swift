import Foundation
import TestSupport
import TestTools
import Testing
import VideoTypes

/// Faults at each stage of a clip, and what the program says of each.
@Suite(.bounded) struct FailureTableTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: Fixture.model("wan21-t2v"), toPath: folder.file("m"))
    }

    private static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("wan-infer").path

    /// One fault: how it comes about, and what is said of it.
    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Shell words that make it; `m` is a copy of a tiny model.
        var script = "true"
        var words = "--output out.mp4"
        let status: Int32
        let message: String
        let hint: String

        init(
            _ name: String, _ script: String = "true", words: String = "--output out.mp4", _ status: Int32,
            _ message: String, _ hint: String
        ) {
            testDescription = name
            self.script = script
            self.words = words
            self.status = status
            self.message = message
            self.hint = hint
        }
    }

    private static let weights = "m/transformer/diffusion_pytorch_model-00002-of-00003.safetensors"
    private static let pointer = "printf 'version https://git-lfs.github.com/spec/v1\\noid sha256:0\\nsize 423704\\n'"
    private static let isALayout = "a model is a folder or file with weights, of Diffusers, its authors or ComfyUI"

    static let faults = [
        Fault("no folder", "mv m n", 3, "m: no such file or folder", isALayout),
        Fault(
            "a web page", "mv m n; printf ' \\n<!DOCTYPE html><html lang=\\042en\\042>' >m", 4, "m: a web page",
            "/resolve/"),
        Fault("an empty file", "mv m n; touch m", 4, "m: the file is empty", "incomplete or damaged"),
        Fault("a file of something else", "mv m n; echo {} >m", 4, "m: ", "fetch"),
        Fault("a folder that is no model", "rm m/model_index.json", 3, "m: no model_index.json", isALayout),
        Fault("a configuration is missing", "rm m/vae/config.json", 4, "m/vae/config.json: no such file", "fetch"),
        Fault("a shard is missing", "rm \(weights)", 4, "safetensors.index.json names it", "fetch the file"),
        Fault("a shard is cut", "truncate -s 300 \(weights)", 4, "truncated", "incomplete or damaged"),
        Fault("weights are missing", "rm m/vae/*.safetensors", 4, "m/vae: no weights", "incomplete"),
        Fault(
            "two variants lie there",
            "cd m/vae && mv *.safetensors diffusion_pytorch_model.bf16.safetensors && cp *.safetensors "
                + "diffusion_pytorch_model.fp16.safetensors", 4, "there is diffusion_pytorch_model.bf16.safetensors",
            "diffusion_pytorch_model.bf16.safetensors, to diffusion_pytorch_model.safetensors"),
        Fault("a pointer for weights", "\(pointer) >\(weights)", 4, "a Git LFS pointer", "git lfs pull"),
        Fault(
            "a pointer for a tokenizer", "\(pointer) >m/tokenizer/tokenizer.json", 4,
            "tokenizer.json: a Git LFS pointer that stands for 423704 bytes", "git lfs pull"),
        Fault("a pointer for a configuration", "\(pointer) >m/vae/config.json", 4, "a Git LFS pointer", "git lfs pull"),
        Fault(
            "a pointer for another tokenizer", "rm m/tokenizer/*; \(pointer) >m/tokenizer/spiece.model", 4,
            "spiece.model: a Git LFS pointer", "git lfs pull"),
        Fault(
            "a pointer for a LoRA", "\(pointer) >a.safetensors", words: "--lora a.safetensors --output out.mp4", 4,
            "a.safetensors: a Git LFS pointer that stands for 423704 bytes", "git lfs pull"),
        Fault(
            "a pointer for a picture", "\(pointer) >a.png", words: "--image a.png --output out.mp4", 2,
            "a Git LFS pointer", "git lfs pull"),
        Fault("no place for the clip", words: "--output no/a.mp4", 9, "there is no folder no", "mkdir -p 'no'"),
        Fault("no place for the dump", words: "--dump no/a.safetensors", 9, "there is no folder no", "mkdir -p 'no'"),
        Fault("a limit on files", "ulimit -f 4", words: "--frames 81", 9, "File too large", "ulimit -f"),
    ]

    @Test(arguments: faults) func `a fault keeps its kind`(fault: Fault) throws {
        try check(fault)
    }

    @Test(
        .needsSmallDisk,
        arguments: [
            Fault("17 frames", words: "--frames 17 --output d/a.mp4", 17, "No space left", "free some space"),
            Fault("33 frames", words: "--frames 33 --output d/a.mp4", 17, "No space left", "free some space"),
            Fault("81 frames", words: "--frames 81 --output d/a.mp4", 17, "No space left", "free some space"),
            Fault("a dump", words: "--dump d/a.safetensors", 17, "d/a.safetensors: No space left", "free some space"),
            Fault(
                "read only", "mount -o remount,ro $(realpath d)", words: "--output d/a.mp4", 9, "Read-only",
                "choose a folder"),
            Fault(
                "a dump, read only", "mount -o remount,ro $(realpath d)", words: "--dump d/a.safetensors", 9,
                "Read-only",
                "choose a folder"),
        ])
    func `a disk of its own keeps its kind`(fault: Fault) throws {
        let disk = try SmallDisk(kibibytes: 24)
        try FileManager.default.createSymbolicLink(atPath: folder.file("d"), withDestinationPath: disk.folder.path)
        try check(fault)
    }

    private func check(_ fault: Fault) throws {
        let frames = fault.words.contains("--frames") ? "" : "--frames 1"
        let script = """
            (\(fault.script)) && \(fault.script.hasPrefix("ulimit") ? fault.script : "true") && exec "$0" --model m \
            --width 320 --height 192 \(frames) --steps 1 --seed 1 --device cpu --quiet --json x \(fault.words)
            """
        let result = try Subprocess("/bin/bash", ["-c", script, Self.path], folder: folder.path)
        let object = try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: [String: Any]]
        let error = try #require(object?["error"], "\(result.output)\(result.errors)")
        #expect(result.status == fault.status)
        #expect(error["exit_status"] as? Int == Int(fault.status))
        #expect(VideoError.Code(named: error["code"] as? String ?? "").exitStatus == fault.status)
        #expect((error["message"] as? String)?.contains(fault.message) == true, "\(error)")
        #expect((error["hint"] as? String)?.contains(fault.hint) == true, "\(error)")
        #expect(!FileManager.default.fileExists(atPath: folder.file("out.mp4")))
    }
}
