import Compute
import ComputeCPU
import FakeGPU
import Foundation
import KernelEmulation
import Pipelines
import TestSupport
import Testing
import VideoTypes
import Weights

/// Whole runs on tiny random models against Diffusers, compared stage by stage and block by block.
struct GoldenTests {
    /// A run: the folder of its model and the name of its golden file.
    struct Case: Sendable, CustomStringConvertible {
        let variant: String
        let name: String
        var description: String { "\(variant)/\(name)" }
    }

    private struct Arguments: Decodable {
        let prompt: String
        let negative_prompt: String
        let frames: Int
        let height: Int
        let width: Int
        let steps: Int
        let guidance: Double
        let guidance_2: Double?
        let flow_shift: Double?
        let scheduler: String
        let seed: UInt64
    }

    static let cases = [
        Case(variant: "wan21-t2v", name: "unipc"), Case(variant: "wan21-t2v", name: "euler-no-guidance"),
        Case(variant: "wan22-ti2v", name: "unipc"), Case(variant: "wan22-a14b", name: "unipc"),
        Case(variant: "wan22-a14b", name: "dpm++"),
    ]

    /// Runs a case and gives what it dumped, in order.
    ///
    /// The parts of a decoder block are joined under the block's name.
    private func run(_ one: Case, dtype: DType, on backend: any Backend) throws -> [(name: String, values: [Float])] {
        let data = try Data(contentsOf: URL(filePath: Fixture.path("\(one).json")))
        let arguments = try JSONDecoder().decode(Arguments.self, from: data)
        let folder = try ModelFolder(path: Fixture.path("\(one.variant)/model"))
        let pipeline = try WanPipeline(folder, backend: backend, dtype: dtype)
        let settings = VideoSettings(
            prompt: arguments.prompt, negativePrompt: arguments.negative_prompt, width: arguments.width,
            height: arguments.height, frames: arguments.frames, framesPerSecond: 16, steps: arguments.steps,
            guidanceScale: arguments.guidance, guidanceScale2: arguments.guidance_2 ?? arguments.guidance,
            flowShift: arguments.flow_shift ?? pipeline.folderScheduler.flowShift,
            scheduler: try #require(Scheduler(rawValue: arguments.scheduler)), sigmas: nil, seed: arguments.seed,
            tilesVAE: false)
        try pipeline.validate(settings)
        let dump = TensorDump()
        var frames = 0
        try pipeline.generate(settings, report: { _ in true }, dump: dump, emit: { _ in frames += 1 })
        #expect(frames == arguments.frames)
        var results: [(name: String, values: [Float])] = []
        for (name, _, values) in dump.tensors {
            let floats: [Float] =
                switch values {
                case .floats(let floats): floats
                case .integers(let integers): integers.map(Float.init)
                }
            let whole = String(name.prefix(upTo: name.firstRange(of: ".part.")?.lowerBound ?? name.endIndex))
            if let place = results.firstIndex(where: { $0.name == whole }) {
                results[place].values += floats
            } else {
                results.append((whole, floats))
            }
        }
        return results
    }

    @Test(arguments: cases) func `every stage and block equals Diffusers`(_ one: Case) throws {
        try compare(one, on: CPUBackend(threads: 2))
    }

    @Test(arguments: cases) func `every stage and block equals Diffusers on a GPU`(_ one: Case) throws {
        let gpu = FakeGPU(9, 0)
        try compare(one, on: gpu.backend())
        #expect(gpu.runs() > 100)
        #expect(gpu.finish() == [])
    }

    private func compare(_ one: Case, on backend: any Backend) throws {
        let golden = try GoldenFile(Fixture.path("\(one).safetensors"))
        var unseen = Set(golden.names)
        for (name, values) in try run(one, dtype: .f32, on: backend) where unseen.remove(name) != nil {
            // Padding is left out of the golden file.
            let expected = try golden.floats(name)
            let found = Array(values.prefix(expected.count))
            if name == "noise.initial" || name.hasPrefix("schedule.") || name.hasSuffix("_ids") {
                #expect(found == expected, "\(name)")
            } else if name == "frames" {
                let difference = zip(found, expected).map { Double($0) - Double($1) }
                let mean = difference.reduce(0) { $0 + $1 * $1 } / Double(difference.count)
                #expect(mean <= 1e-6, "frames: PSNR below 60 dB, mean square \(mean)")
            } else {
                let deviation = Deviation(found, from: expected)
                try #require(deviation.relative < 1e-4, "\(name): \(deviation)")
            }
        }
        #expect(unseen.isEmpty, "not dumped: \(unseen.sorted())")
    }

    @Test(arguments: cases) func `bf16 stays near Diffusers in f32`(_ one: Case) throws {
        try compareBF16(one, on: CPUBackend(threads: 2))
    }

    @Test(arguments: cases) func `bf16 stays near Diffusers in f32 on a GPU`(_ one: Case) throws {
        let gpu = FakeGPU(8, 9, schedule: FAKE_SCHEDULE_MIXED)
        try compareBF16(one, on: gpu.backend())
        #expect(gpu.finish() == [])
    }

    private func compareBF16(_ one: Case, on backend: any Backend) throws {
        let golden = try GoldenFile(Fixture.path("\(one).safetensors"))
        let found = try run(one, dtype: .bf16, on: backend)
        let latents = try #require(found.last { $0.name.hasSuffix(".latents") })
        let deviation = Deviation(latents.values, from: try golden.floats(latents.name))
        #expect(deviation.relative < 3e-2, "latents: \(deviation)")
        let frames = try #require(found.first { $0.name == "frames" }?.values)
        let difference = zip(frames, try golden.floats("frames")).map { Double($0) - Double($1) }
        let psnr = -10 * log10(difference.reduce(0) { $0 + $1 * $1 } / Double(difference.count))
        #expect(psnr >= 35, "\(psnr) dB")
    }
}
