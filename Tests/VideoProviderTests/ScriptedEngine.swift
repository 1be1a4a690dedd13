import Glibc
import Media
import Pipelines
import Threads
import VideoProvider
import VideoTypes

/// What a scripted engine does and has done, seen from any thread.
final class EngineScript: Sendable {
    struct State {
        /// Steps that may be begun in all; the engine waits for more.
        var allowedSteps = Int.max
        /// Denoise steps begun so far, of all clips.
        var steps = 0
        /// Prompts in the order in which they were begun.
        var begun: [String] = []
        var finished: [String] = []
        var threads: Set<UInt> = []
        var enginesMade = 0
        var enginesGone = 0
        /// How the next engine is to fail.
        var openingError: VideoError?
        /// Seconds on the clock.
        var now = 100.0
        var joules = 1000.0
    }

    /// What a clip takes, by the script's clock.
    let secondsPerStep: Double
    let secondsToLoad: Double
    let watts: Double
    private let state = Monitor(State())

    init(secondsPerStep: Double = 2, secondsToLoad: Double = 10, watts: Double = 100) {
        self.secondsPerStep = secondsPerStep
        self.secondsToLoad = secondsToLoad
        self.watts = watts
    }

    func change<R>(_ body: (inout State) -> R) -> R { state.change(body) }

    func wait<R>(_ body: (inout State) -> R?) -> R { state.wait(body) }

    var now: Double { state.change { $0.now } }

    /// Lets so many more steps be made.
    func allow(_ steps: Int) {
        state.change { $0.allowedSteps = $0.allowedSteps == .max ? $0.steps + steps : $0.allowedSteps + steps }
    }

    func allowAll() { state.change { $0.allowedSteps = .max } }

    func pass(_ seconds: Double) {
        state.change { state in
            state.now += seconds
            state.joules += watts * seconds
        }
    }

    /// Waits until so many steps are begun, the last of them perhaps held.
    func waitForSteps(_ count: Int) { state.wait { $0.steps >= count ? () : nil } }
}

/// An engine that pretends: prompts say what goes wrong.
final class ScriptedEngine: ClipEngine {
    let facts: EngineFacts
    private let script: EngineScript
    private let isMetered: Bool
    private var isCold = true

    init(_ script: EngineScript, memoryBytes: Int? = nil, isMetered: Bool = false) throws(VideoError) {
        self.script = script
        self.isMetered = isMetered
        facts = EngineFacts(model: "built-in", backend: "cpu", dtype: "f32", memoryBytes: memoryBytes)
        let error: VideoError? = script.change { state in
            state.enginesMade += 1
            defer { state.openingError = nil }
            return state.openingError
        }
        if let error { throw error }
    }

    deinit { script.change { $0.enginesGone += 1 } }

    func generate(
        _ settings: VideoSettings, pictures: [ReferenceImage], to path: String, keepsExisting: Bool,
        checkpoint: CheckpointPlace?, viewer: LatentViewer?, progress: @escaping (VideoProgress) -> Bool
    ) throws(VideoError) -> ClipReport {
        let joules = script.change { $0.joules }
        script.change { state in
            state.begun.append(settings.prompts.positive)
            state.threads.insert(UInt(pthread_self()))
        }
        var seconds: [VideoProgress.Stage: Double] = [:]
        try stage(.load, 0, 1, progress)
        if isCold {
            seconds[.load] = script.secondsToLoad
            script.pass(script.secondsToLoad)
            isCold = false
        }
        try stage(.text, 0, 1, progress)
        seconds[.text] = 0.5
        script.pass(0.5)
        if settings.prompts.positive.hasPrefix("fail ") {
            throw VideoError(VideoError.Code(named: String(settings.prompts.positive.dropFirst(5))), "as it was told")
        }
        for step in 0..<settings.sampling.steps {
            try stage(.denoise, step, settings.sampling.steps, progress)
            script.change { $0.steps += 1 }
            script.wait { $0.steps <= $0.allowedSteps ? () : nil }
            script.pass(script.secondsPerStep)
            seconds[.denoise, default: 0] += script.secondsPerStep
        }
        try stage(.decode, 0, 1, progress)
        seconds[.decode] = 1
        script.pass(1)
        let path = try Self.write(settings.prompts.positive, path, keepsExisting)
        script.change { $0.finished.append(settings.prompts.positive) }
        return ClipReport(
            path: path, model: facts.model, settings: settings, backend: facts.backend, dtype: facts.dtype,
            encoder: "none", fileBytes: settings.prompts.positive.utf8.count, stageSeconds: seconds,
            totalSeconds: seconds.values.reduce(0, +), peakMemoryBytes: 1,
            joules: isMetered ? script.change { $0.joules } - joules : nil)
    }

    private static func write(
        _ text: String, _ path: String, _ keepsExisting: Bool
    ) throws(VideoError) -> String {
        do throws(MediaError) {
            let file = try PendingFile(OutputTarget(path, keepsExisting: keepsExisting))
            try file.append(Array(text.utf8))
            return try file.publish(isDurable: false)
        } catch {
            throw error.videoError
        }
    }

    private func stage(
        _ stage: VideoProgress.Stage, _ completed: Int, _ total: Int, _ progress: (VideoProgress) -> Bool
    ) throws(VideoError) {
        guard progress(VideoProgress(stage: stage, completed: completed, total: total)) else {
            throw VideoError(.cancelled, "cancelled")
        }
    }
}
