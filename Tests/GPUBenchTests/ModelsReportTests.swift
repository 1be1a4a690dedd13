import Compute
import FakeGPU
import FoundationEssentials
import Pipelines
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

@testable import GPUBench

@Suite(.bounded, .serialized)
struct ModelsReportTests {
    private static let model = Repository.path("Tests/PipelinesTests/Fixtures/wan21-t2v/model")

    /// The shapes of a tiny model, in the form of those of the published ones.
    private func writeShapes(to path: String) throws {
        let folder = try ModelFolder(path: Self.model)
        func text(_ name: String) throws -> String {
            try String(contentsOf: URL(filePath: "\(Self.model)/\(name)"), encoding: .utf8)
        }
        var components: [(String, JSONText)] = []
        for part in ["text_encoder", "transformer", "vae"] {
            let checkpoint = try Checkpoint(folder, part)
            let tensors = checkpoint.keys.sorted().map { key -> JSONText in
                let shape = (checkpoint.shape(of: key) ?? []).map(String.init).joined(separator: ",")
                return .string("\(key)|1|\(shape)")
            }
            components.append(
                (
                    part,
                    .object([
                        ("config", .string(try text("\(part)/config.json"))), ("dtype", .string("F32")),
                        ("tensors", .array(tensors)),
                    ])
                ))
        }
        let model = JSONText.object([
            ("index", .string(try text("model_index.json"))),
            ("scheduler", .string(try text("scheduler/scheduler_config.json"))),
            ("components", .object(components.map { ($0.0, .string($0.0)) })),
        ])
        let all = JSONText.object([("components", .object(components)), ("models", .object([("tiny", model)]))])
        try Data("\(all)".utf8).write(to: URL(filePath: path))
    }

    @Test func `a clip with random weights is measured from load to the last frame`() throws {
        let bench = try Benchmark(8, 0)
        let shapes = bench.folder.file("shapes.json")
        try writeShapes(to: shapes)
        let library = try RandomModels(shapes: shapes, tokenizer: "\(Self.model)/tokenizer", patternPages: 7)
        let clip = ModelsReport.Clip(model: "tiny", width: 16, height: 16, frames: 5, framesPerSecond: 16)
        let report = ModelsReport(
            machine: bench.machine, output: bench.output, library: library, only: nil, steps: 3, clips: [clip],
            prompts: ("a cat", "dark"))
        #expect(try report.run(), "\(bench.lines)")
        let row = try #require(try bench.written("models").list.first)
        #expect(row["steps"]?.list.count == 2 && row["first_steps"]?.list.count == 1)
        #expect(row["load_seconds"]?.list.count == 3)
        for key in ["step_seconds", "decode_seconds", "text_seconds", "context_seconds", "peak_bytes"] {
            #expect((row[key]?.number ?? 0) > 0, "\(key)")
        }
        let range = (row["pixel_range"]?.list ?? []).compactMap(\.number)
        #expect(range.count == 2 && range[0] < range[1], "\(range)")
        #expect(bench.gpu.finish() == [])
    }

    @Test func `every published clip is one that its model can make`() throws {
        let library = try RandomModels(
            shapes: Repository.path("Tests/PipelinesTests/Fixtures/real-shapes.json"),
            tokenizer: "\(Self.model)/tokenizer", patternPages: 1031)
        let bench = try Benchmark()
        let report = ModelsReport(
            machine: bench.machine, output: bench.output, library: library, only: nil, steps: 8)
        for clip in ModelsReport.published {
            // Reads every tensor's name, shape and dtype.
            let pipeline = try Families.open(library.folder(clip.model)).pipeline(on: CountingBackend(), dtype: .bf16)
            try pipeline.validate(report.settings(clip, pipeline.model))
        }
    }

    @Test func `a random file is a checkpoint whose gains are near 1`() throws {
        let pattern = try RandomPattern(.half, pages: 3)
        let file = try RandomFile([("a.weight", [3000, 5]), ("a.norm.weight", [7]), ("b.gamma", [4, 1, 1])], pattern)
        let checkpoint = try Checkpoint(file.host, file: "random")
        let matrix = try values(checkpoint.root.tensor("a.weight", [3000, 5]))
        let deviation = (matrix.reduce(0) { $0 + $1 * $1 } / Float(matrix.count)).squareRoot()
        #expect(abs(deviation - 0.02) < 0.002, "\(deviation)")
        for (name, shape) in [("a.norm.weight", [7]), ("b.gamma", [4, 1, 1])] {
            let gains = try values(checkpoint.root.tensor(name, shape))
            #expect(gains.allSatisfy { abs($0 - 1) < 0.2 }, "\(gains)")
        }
        try checkpoint.assertAllUsed()
    }

    private func values(_ stored: StoredTensor) -> [Float] {
        stored.bytes.withBytes { span in
            (0..<span.byteCount / 2).map {
                let bits = unsafe span.unsafeLoadUnaligned(fromByteOffset: 2 * $0, as: UInt16.self)
                return Float(bitPattern: UInt32(bits) << 16)
            }
        }
    }

    @Test func `the steps of each expert are told from what loads it`() {
        var marks = StageMarks()
        let events: [(VideoProgress.Stage, Int)] = [
            (.load, 0), (.text, 0), (.text, 1), (.load, 0), (.denoise, 0), (.denoise, 1), (.denoise, 2), (.load, 0),
            (.denoise, 2), (.denoise, 3), (.denoise, 4), (.load, 0), (.decode, 0), (.decode, 1),
        ]
        let seconds = [0.0, 1, 3, 3, 7, 12, 16, 16, 20, 26, 29, 29, 30, 32]
        for (event, second) in zip(events, seconds) {
            marks.note(VideoProgress(stage: event.0, completed: event.1, total: 4), at: second)
        }
        marks.finish(at: 33)
        #expect(marks.loads == [1, 4, 4, 1])
        #expect(marks.steps.first == [5, 6] && marks.steps.later == [4, 3])
        #expect(marks.total(.text) == 2 && marks.total(.decode) == 3)
    }
}
