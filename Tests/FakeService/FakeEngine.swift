import Glibc
import JobStore
import Media
import Pipelines
import VideoProvider
import VideoTypes

/// An engine that makes colour bars.
///
/// The colours come from a state that every step changes, so that a clip that went on from a wrong checkpoint shows.
final class FakeEngine: ClipEngine {
    let facts = EngineFacts(model: "fake", backend: "cpu", dtype: "f32", memoryBytes: nil)
    private let script: String
    private let isCareful: Bool
    private var isLoaded = false

    /// - Parameters:
    ///   - script: instructions for every clip.
    ///   - isCareful: whether prompts that ask for accidents get none.
    init(script: String = "", isCareful: Bool = false) {
        self.script = script
        self.isCareful = isCareful
    }

    func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, checkpoint: CheckpointPlace?,
        progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        let nobody = LatentViewer(everySteps: 1) { _ in }
        return try generate(
            settings, pictures: pictures, to: path, checkpoint: checkpoint, viewer: nobody, progress: progress)
    }

    func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, checkpoint: CheckpointPlace?,
        viewer: LatentViewer, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        guard pictures.map(\.role) == settings.inputs.map(\.role) else {
            throw VideoError(.internalError, "\(pictures.count) pictures came of \(settings.inputs.count)")
        }
        let run = FakeRun(FakeScript(isCareful ? [] : [script, settings.prompts.positive]), settings, path, progress)
        if !isLoaded {
            try run.load()
            isLoaded = true
        }
        try run.denoise(checkpoint.map { FakeCheckpoint($0, settings) }, viewer)
        guard let report = try run.write(facts) else { throw VideoError(.cancelled, "cancelled") }
        if let checkpoint { unsafe _ = unlink(checkpoint.path) }
        return report
    }
}

/// One clip in the making.
private final class FakeRun {
    private let script: FakeScript
    private let settings: VideoSettings
    private let path: String
    private let progress: (VideoProgress) -> Bool
    private var state: UInt64
    private var seconds: [VideoProgress.Stage: Double] = [:]

    init(_ script: FakeScript, _ settings: VideoSettings, _ path: String, _ progress: @escaping (VideoProgress) -> Bool)
    {
        self.script = script
        self.settings = settings
        self.path = path
        self.progress = progress
        state = settings.sampling.seed
    }

    func load() throws(VideoError) {
        try report(.load, 0, 1)
        pause(script.loadSeconds)
        seconds[.load] = script.loadSeconds
    }

    func denoise(_ checkpoint: FakeCheckpoint?, _ viewer: LatentViewer) throws(VideoError) {
        var step = 0
        if let kept = checkpoint?.read() { (step, state) = kept }
        let first = step
        while step < settings.sampling.steps {
            try report(.denoise, step, settings.sampling.steps)
            try waitForLeave(step + 1)
            try meetAccident(step + 1)
            pause(script.secondsPerStep)
            state = Self.next(state, step)
            step += 1
            viewer.show(Frame(width: 2, height: 1, pixels: [UInt8](repeating: UInt8(step % 256), count: 6)))
            if let checkpoint, step % checkpoint.place.everySteps == 0 { checkpoint.write(step, state) }
        }
        seconds[.denoise] = Double(settings.sampling.steps - first) * script.secondsPerStep
        try report(.denoise, settings.sampling.steps, settings.sampling.steps)
    }

    /// nil where it was told to stop.
    func write(_ facts: EngineFacts) throws(VideoError) -> ClipReport? {
        do throws(MediaError) {
            let writer = try MP4Writer(
                path: path, width: settings.clip.width, height: settings.clip.height,
                framesPerSecond: settings.clip.framesPerSecond,
                metadata: ClipMetadata(settings: settings, model: facts.model, backend: facts.backend, dtype: "f32"))
            for index in 0..<settings.clip.frames {
                let goesOn = progress(VideoProgress(stage: .decode, completed: index, total: settings.clip.frames))
                guard goesOn else { return nil }
                try writer.append(frame(index))
            }
            let bytes = try writer.finish()
            seconds[.decode] = 0.001 * Double(settings.clip.frames)
            return ClipReport(
                path: path, model: facts.model, settings: settings, backend: facts.backend, dtype: facts.dtype,
                encoder: writer.encoderName, fileBytes: bytes, stageSeconds: seconds,
                totalSeconds: seconds.values.reduce(0, +), peakMemoryBytes: 1 << 20, joules: script.joules)
        } catch {
            throw error.videoError
        }
    }

    /// Eight bars that move by a pixel a frame.
    private func frame(_ index: Int) -> Frame {
        var pixels = [UInt8](repeating: 0, count: settings.clip.width * settings.clip.height * 3)
        for y in 0..<settings.clip.height {
            for x in 0..<settings.clip.width {
                let bar = UInt64(((x + index) * 8 / settings.clip.width) % 8)
                for channel in 0..<3 {
                    let bits = Self.next(state, Int(bar) * 3 + channel)
                    pixels[(y * settings.clip.width + x) * 3 + channel] = UInt8(truncatingIfNeeded: bits >> 40)
                }
            }
        }
        return Frame(width: settings.clip.width, height: settings.clip.height, pixels: pixels)
    }

    /// Splitmix64.
    private static func next(_ state: UInt64, _ index: Int) -> UInt64 {
        var z = state &+ 0x9E37_79B9_7F4A_7C15 &* UInt64(index + 1)
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    private func report(_ stage: VideoProgress.Stage, _ completed: Int, _ total: Int) throws(VideoError) {
        guard progress(VideoProgress(stage: stage, completed: completed, total: total)) else {
            throw VideoError(.cancelled, "cancelled")
        }
    }

    private func meetAccident(_ step: Int) throws(VideoError) {
        guard let accident = script.accident, accident.step == step, !script.once || isFirstTime() else { return }
        switch accident.kind {
        case .fail(let code): throw VideoError(code, "the script says so")
        case .crash: raise(SIGKILL)
        case .hang: while true { pause(3600) }
        }
    }

    /// The folder that the folder of parts is in.
    private var folder: String {
        path.split(separator: "/", omittingEmptySubsequences: false).dropLast(2).joined(separator: "/")
    }

    /// Until somebody lets the step begin; meanwhile it hears whether it is to stop.
    private func waitForLeave(_ step: Int) throws(VideoError) {
        var looks = 0
        while script.isHeld, FakeLeave.steps(in: folder) < step {
            if looks % 10 == 9 { try report(.denoise, step - 1, settings.sampling.steps) }
            looks += 1
            pause(0.01)
        }
    }

    /// A file remembers clips that had their accident.
    private func isFirstTime() -> Bool {
        let mark = folder + "/fake-accident-\(settings.sampling.seed)"
        let file = unsafe open(mark, O_CREAT | O_EXCL | O_CLOEXEC | O_WRONLY, 0o600)
        if file >= 0 { close(file) }
        return file >= 0
    }

    private func pause(_ seconds: Double) {
        if seconds > 0 { usleep(UInt32(min(seconds, 3600) * 1e6)) }
    }
}
