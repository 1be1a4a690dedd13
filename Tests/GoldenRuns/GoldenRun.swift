package import Compute
import FoundationEssentials
package import Pipelines
import TestSupport
package import VideoTypes
import Weights

#if canImport(Glibc)
import Glibc
#endif

/// A whole run on a tiny random model, and what Diffusers computed for it.
package struct GoldenRun: Sendable, CustomStringConvertible {
    /// Where the files of `Tests/Reference` lie.
    private let folder: String
    private let variant: String
    private let name: String

    package init(folder: String, variant: String, name: String) {
        self.folder = folder
        self.variant = variant
        self.name = name
    }

    package var description: String { "\(variant)/\(name)" }

    /// Every variant of a model with its solvers.
    package static func all(in folder: String) -> [GoldenRun] {
        [
            ("wan21-t2v", "unipc"), ("wan21-t2v", "euler-no-guidance"), ("wan22-ti2v", "unipc"),
            ("wan22-a14b", "unipc"), ("wan22-a14b", "dpm++"), ("cogvideox-2b", "ddim"),
            ("cogvideox-2b", "ddim-tiled"), ("cogvideox-2b", "ddim-dynamic"),
            ("cogvideox-5b", "dpm"), ("cogvideox-5b", "ddim-no-guidance"), ("cogvideox-5b-i2v", "ddim"),
            ("cogvideox1.5-5b", "dpm"), ("cogvideox1.5-5b-i2v", "dpm-dynamic"), ("cogvideox1.5-5b-i2v", "dpm"),
            ("wan21-i2v", "unipc"), ("wan21-flf2v", "unipc"), ("wan22-i2v-a14b", "unipc"), ("wan22-i2v-a14b", "last"),
            ("wan22-ti2v", "picture"),
        ].map { GoldenRun(folder: folder, variant: $0, name: $1) }
    }

    /// A run and how far it is from its golden file.
    package struct Comparison {
        /// What is beyond its bound, empty where all is well.
        package fileprivate(set) var failures: [String] = []
        /// The largest relative L2 error of a tensor, and which it is.
        package fileprivate(set) var worst = (name: "", relative: 0.0)
        /// Of the frames against Diffusers', in decibels.
        package fileprivate(set) var psnr = Double.infinity
    }

    /// Compares every stage and block in f32; in bf16 the last latents and the frames.
    package func compare(on backend: any Backend, _ dtype: DType) throws -> Comparison {
        let golden = try GoldenFile("\(folder)/\(self).safetensors")
        let found = try run(on: backend, dtype, pictures: Self.pictures(golden))
        return dtype == .f32 ? try compareExactly(found, golden) : try compareRoughly(found, golden)
    }

    private typealias Named = (name: String, values: [Float])

    private func compareExactly(_ found: [Named], _ golden: GoldenFile) throws -> Comparison {
        var result = Comparison()
        var unseen = Set(golden.names.filter { !$0.hasPrefix("input.") })
        for (name, values) in found where unseen.remove(name) != nil {
            // Padding is left out of the golden file.
            let expected = try golden.floats(name)
            let values = Array(values.prefix(expected.count))
            if name == "noise.initial" || name.hasPrefix("schedule.") || name.hasSuffix("_ids") {
                if values != expected { result.failures.append("\(name) differs") }
            } else if name == "frames" {
                result.psnr = Self.psnr(values, expected)
                if !(result.psnr >= 60) { result.failures.append("frames: \(result.psnr) dB, bound 60") }
            } else {
                result.note(name, Deviation(values, from: expected), bound: 1e-4)
            }
        }
        if !unseen.isEmpty { result.failures.append("not dumped: \(unseen.sorted())") }
        return result
    }

    private func compareRoughly(_ found: [Named], _ golden: GoldenFile) throws -> Comparison {
        var result = Comparison()
        guard let latents = found.last(where: { $0.name.hasSuffix(".latents") }),
            let frames = found.first(where: { $0.name == "frames" })
        else { throw GoldenError.absent(name: "latents or frames") }
        result.note(
            latents.name, Deviation(latents.values, from: try golden.floats(latents.name)), bound: 3e-2)
        result.psnr = Self.psnr(frames.values, try golden.floats("frames"))
        if !(result.psnr >= 35) { result.failures.append("frames: \(result.psnr) dB, bound 35") }
        return result
    }

    private static func psnr(_ found: [Float], _ expected: [Float]) -> Double {
        guard found.count == expected.count else { return -.infinity }
        let sum = zip(found, expected).reduce(0) { $0 + (Double($1.0) - Double($1.1)) * (Double($1.0) - Double($1.1)) }
        return -10 * log10(sum / Double(found.count))
    }

    /// What the clip is made from, as the golden file has it.
    private static func pictures(_ golden: GoldenFile) throws -> [PictureRole: Frame] {
        var pictures: [PictureRole: Frame] = [:]
        for (role, name) in PictureRole.allCases.map({ ($0, "input.\($0.rawValue)") }) where golden.contains(name) {
            let shape = try golden.shape(name)
            let pixels = try golden.floats(name).map { UInt8($0) }
            pictures[role] = Frame(width: shape[1], height: shape[0], pixels: pixels)
        }
        return pictures
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
        let guidance_schedule: GuidanceSchedule?
        let flow_shift: Double?
        let scheduler: String
        let seed: UInt64
        let tiles: Bool?
    }

    /// What Diffusers was asked for.
    package func settings(for model: any VideoModel, pictures: [PictureRole] = []) throws -> VideoSettings {
        let data = try Data(contentsOf: URL(filePath: "\(folder)/\(self).json"))
        let arguments = try JSONDecoder().decode(Arguments.self, from: data)
        guard let scheduler = Scheduler(rawValue: arguments.scheduler) else {
            throw GoldenError.absent(name: arguments.scheduler)
        }
        return VideoSettings(
            prompts: Prompts(positive: arguments.prompt, negative: arguments.negative_prompt),
            clip: ClipShape(
                width: arguments.width, height: arguments.height, frames: arguments.frames, framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: scheduler, levels: .steps(arguments.steps),
                shift: arguments.flow_shift ?? model.folderShift,
                guidance: [arguments.guidance, arguments.guidance_2 ?? arguments.guidance],
                guidanceSchedule: arguments.guidance_schedule ?? .constant, seed: arguments.seed),
            inputs: pictures.map { ClipInput(role: $0, digest: "") }, tilesVAE: arguments.tiles ?? false)
    }

    /// What the run dumps, in order.
    ///
    /// The parts of a decoder block are joined under the block's name.
    private func run(
        on backend: any Backend, _ dtype: DType, pictures: [PictureRole: Frame]
    ) throws -> [Named] {
        let model = try ModelFolder(path: "\(folder)/\(variant)/model")
        let pipeline = try Families.open(model).pipeline(on: backend, dtype: dtype)
        let settings = try settings(for: pipeline.model, pictures: Array(pictures.keys))
        try pipeline.validate(settings)
        let dump = TensorDump()
        var frames = 0
        try pipeline.generate(
            settings, pictures: pictures, checkpoint: nil, report: { _ in true }, dump: dump,
            emit: { _ in frames += 1 })
        let expected = settings.clip.frames
        guard frames == expected else { throw GoldenError.frames(found: frames, expected: expected) }
        return Self.joined(dump)
    }

    private static func joined(_ dump: TensorDump) -> [Named] {
        var results: [Named] = []
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
}

extension GoldenRun.Comparison {
    fileprivate mutating func note(_ name: String, _ deviation: Deviation, bound: Double) {
        if !(deviation.relative <= worst.relative) { worst = (name, deviation.relative) }
        if !(deviation.relative < bound) { failures.append("\(name): \(deviation), bound \(bound)") }
    }
}
