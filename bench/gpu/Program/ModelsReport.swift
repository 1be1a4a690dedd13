import Compute
import ComputeCUDA
import Pipelines
import VideoTypes
import Weights

/// Whole clips with models of the published sizes and random weights.
struct ModelsReport {
    /// What is made with a model.
    struct Clip {
        let model: String
        let width: Int
        let height: Int
        let frames: Int
        let framesPerSecond: Int

        var seconds: Double { Double(frames) / Double(framesPerSecond) }
        var title: String { "\(model), \(width) × \(height) × \(frames)" }
    }

    static let published = [
        Clip(model: "wan2.2-ti2v-5b", width: 1280, height: 704, frames: 121, framesPerSecond: 24),
        Clip(model: "wan2.1-t2v-1.3b", width: 832, height: 480, frames: 81, framesPerSecond: 16),
        Clip(model: "wan2.2-t2v-a14b", width: 832, height: 480, frames: 81, framesPerSecond: 16),
    ]

    let machine: GPUMachine
    let output: BenchOutput
    let library: RandomModels
    /// Names of models; nil for all.
    let only: [String]?
    /// Denoising steps that are run; 30 are reckoned with.
    let steps: Int
    var clips = Self.published
    var prompts = (
        positive: "a red kite over a windy beach at dawn, seen from a boat that rolls in the waves",
        negative: "blurred, overexposed, static, still picture, ugly, subtitles, low quality, deformed"
    )

    private static let fullSteps = 30.0

    /// Whether every clip was made.
    func run() throws -> Bool {
        output.line(
            "Weights are random: normal, deviation \(RandomPattern.deviation), gains of norms around 1; every tensor has "
                + "its published shape and dtype, all share one pattern of numbers.")
        var rows: [JSONText] = []
        let asked = clips.filter { only?.contains($0.model) ?? true }
        guard !asked.isEmpty else { throw BenchCommand.UsageError(description: "no such model: \(only ?? [])") }
        for clip in asked {
            do {
                rows.append(try machine.watchdog.watch(clip.title) { try measure(clip) })
            } catch {
                output.line("FAILED \(clip.title): \(error)")
            }
            try output.write("models", .array(rows))
        }
        return rows.count == asked.count
    }

    /// What one run gave.
    private struct Result {
        var marks = StageMarks()
        var frames = 0
        /// Least and largest value of a pixel; equal where something is broken.
        var range = (least: UInt8.max, most: UInt8.min)
        var peakBytes = 0
        /// From a transformer's last tensor to its first step: what blocks know of texts, places and times.
        var contextSeconds = 0.0
    }

    private func measure(_ clip: Clip) throws -> JSONText {
        let folder = try library.folder(clip.model)
        let result = try generate(clip, folder)
        guard result.frames == clip.frames else {
            throw BenchCommand.UsageError(description: "\(clip.title): \(result.frames) frames")
        }
        return report(clip, result)
    }

    func settings(_ clip: Clip, _ model: any VideoModel) -> VideoSettings {
        VideoSettings(
            prompts: Prompts(positive: prompts.positive, negative: prompts.negative),
            clip: ClipShape(
                width: clip.width, height: clip.height, frames: clip.frames, framesPerSecond: clip.framesPerSecond),
            sampling: SamplingSettings(
                scheduler: .unipc, levels: .steps(steps), shift: model.folderShift,
                guidance: model.hasTwoExperts ? [5, 4] : [5], seed: 1))
    }

    /// The very run of the product; before it is told of a step, the GPU has done it.
    private func generate(_ clip: Clip, _ folder: ModelFolder) throws -> Result {
        let backend = try machine.backend()
        let pipeline = try Families.open(folder).pipeline(on: backend, dtype: .bf16)
        let settings = settings(clip, pipeline.model)
        try pipeline.validate(settings)
        var result = Result()
        var failure: ComputeError?
        var loaded: Double?
        let start = ContinuousClock.now
        try pipeline.generate(
            settings,
            report: { progress in
                machine.watchdog.beat()
                // A network's loading is measured as a whole, and not held up at its pieces.
                let isLoaded = progress.completed == progress.total
                if progress.stage == .load, progress.completed > 0, !isLoaded { return true }
                do throws(ComputeError) {
                    try backend.synchronize()
                } catch {
                    failure = error
                    return false
                }
                let now = seconds(since: start)
                if progress.stage == .denoise, let loaded { result.contextSeconds += now - loaded }
                loaded = progress.stage == .load && isLoaded ? now : nil
                if loaded == nil { result.marks.note(progress, at: now) }
                return true
            }, dump: nil,
            emit: { frame in
                machine.watchdog.beat()
                result.frames += 1
                // One is enough to see, and does not slow what is measured.
                guard result.frames == 1 else { return }
                for value in frame.pixels {
                    result.range = (min(result.range.least, value), max(result.range.most, value))
                }
            })
        if let failure { throw failure }
        result.marks.finish(at: seconds(since: start))
        result.peakBytes = backend.peakDeviceBytes ?? 0
        return result
    }

    private func report(_ clip: Clip, _ result: Result) -> JSONText {
        let marks = result.marks
        let (first, later) = marks.steps
        let (step, text, decode) = (median(later), marks.total(.text), marks.total(.decode))
        let outside = text + result.contextSeconds
        let whole = Self.fullSteps * step + decode + outside
        let rates = (with: 60 * clip.seconds / whole, without: 60 * clip.seconds / (Self.fullSteps * step))
        let loads = marks.loads.map { shown($0) }.joined(separator: ", ")
        output.line(clip.title)
        output.line(
            "  step with guidance: \(shown(step, 3)) s, the median of \(later.count); the first of an expert "
                + first.map { shown($0, 3) }.joined(separator: ", "))
        output.line(
            "  text encoder \(shown(text, 3)) s, context \(shown(result.contextSeconds, 3)) s, "
                + "decoding \(shown(decode, 3)) s")
        output.line("  loads \(loads) s, peak \(shown(Double(result.peakBytes) / 1e9)) GB")
        output.line(
            "  at 30 steps: \(shown(whole)) s, \(shown(rates.with)) s of video a GPU-minute, \(shown(rates.without)) "
                + "without the VAE; outside denoiser and VAE \(shown(100 * outside / whole)) %")
        output.line("  pixels from \(result.range.least) to \(result.range.most)")
        return .object([
            ("model", .string(clip.model)), ("servers", .string(machine.serversName)),
            ("width", .integer(clip.width)), ("height", .integer(clip.height)),
            ("frames", .integer(clip.frames)), ("fps", .integer(clip.framesPerSecond)),
            ("step_seconds", .number(step)), ("steps", .array(later.map { .number($0) })),
            ("first_steps", .array(first.map { .number($0) })), ("text_seconds", .number(text)),
            ("context_seconds", .number(result.contextSeconds)), ("decode_seconds", .number(decode)),
            ("load_seconds", .array(marks.loads.map { .number($0) })), ("peak_bytes", .integer(result.peakBytes)),
            ("whole_seconds", .number(whole)), ("video_per_minute", .number(rates.with)),
            ("video_per_minute_without_vae", .number(rates.without)), ("outside_share", .number(outside / whole)),
            ("pixel_range", .array([.integer(Int(result.range.least)), .integer(Int(result.range.most))])),
        ])
    }
}
