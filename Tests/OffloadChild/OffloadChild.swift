import Compute
import ComputeCPU
import FoundationEssentials
import Pipelines
import TestSupport
import VideoTypes
import Weights

/// Makes a clip on the processor in a process of its own, and says what memory it took beside what was planned, and how
/// long each step took.
///
/// A clip of another model comes first, if one is named: the program's own pages and threads are there then.
///
///     offload-child MODEL OFFLOAD SIDE FRAMES STEPS [OTHER]
///     offload-child --write SOURCE FOLDER BLOCKS HEADS WIDTH HIDDEN
@main enum OffloadChild {
    static func main() throws {
        let words = Array(CommandLine.arguments.dropFirst())
        let numbers = words.compactMap { Int($0) }
        if words.first == "--write", words.count == 7, numbers.count == 4 {
            let model = WideModel(
                blocks: numbers[0], heads: numbers[1], width: numbers[2], hidden: numbers[3], isFilled: false)
            return try model.write(words[1], to: words[2])
        }
        guard (5...6).contains(words.count), numbers.count == 3, let offload = Offload(rawValue: words[1]) else {
            fatalError("offload-child MODEL OFFLOAD SIDE FRAMES STEPS [OTHER]")
        }
        let settings = VideoSettings(
            prompts: Prompts(positive: "a bird flies over the sea"),
            clip: ClipShape(width: numbers[0], height: numbers[0], frames: numbers[1], framesPerSecond: 16),
            sampling: SamplingSettings(
                scheduler: .euler, levels: .steps(numbers[2]), shift: 3, guidance: [1], seed: 1))
        let backend = try CPUBackend(threads: 2)
        if words.count > 5 {
            try Families.open(ModelFolder(path: words[5])).pipeline(on: backend, dtype: .f32)
                .generate(settings, report: { _ in true }, dump: nil, emit: { _ in })
        }
        try run(Families.open(ModelFolder(path: words[0])), offload, settings, on: backend)
    }

    private static func run(
        _ model: any VideoModel, _ offload: Offload, _ settings: VideoSettings, on backend: CPUBackend
    ) throws {
        let pipeline = model.pipeline(on: backend, dtype: .f32, within: MemoryTerms(offload: offload))
        let plan = model.memory(settings, on: pipeline.profile)
        // The kernel's note of the most memory begins anew.
        try Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))
        let before = try status("VmRSS")
        var steps: [String] = []
        var last = ContinuousClock.now
        var digest: UInt64 = 0xcbf2_9ce4_8422_2325
        try pipeline.generate(
            settings,
            report: { progress in
                if progress.stage == .denoise, progress.completed > 0 {
                    let seconds = (ContinuousClock.now - last) / .seconds(1)
                    steps.append("\(seconds)")
                }
                last = .now
                return true
            },
            dump: nil,
            emit: { frame in
                // FNV-1a.
                for pixel in frame.pixels { digest = (digest ^ UInt64(pixel)) &* 0x100_0000_01b3 }
            })
        let peak = try status("VmHWM") - before
        print(
            "{\"planned\": \(plan.peak), \"peak\": \(peak), \"step_seconds\": [\(steps.joined(separator: ", "))], "
                + "\"digest\": \(digest)}")
    }

    /// Bytes of a line of the kernel's report on this process.
    private static func status(_ name: String) throws -> Int {
        let text = try String(contentsOf: URL(filePath: "/proc/self/status"), encoding: .utf8)
        let line = text.split(separator: "\n").first { $0.hasPrefix("\(name):") }
        return (line.flatMap { Int($0.filter { $0.isNumber }) } ?? 0) << 10
    }
}
