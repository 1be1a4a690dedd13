import Backends
import Compute
import ComputeCPU
import Files
import JobRunner
import JobStore
import Media
import Pipelines
import VideoProvider
import VideoTypes

/// Makes clips with one model that stays open, and tells how it goes.
struct ClipMaker {
    let options: GenerateOptions
    let program: Program
    let json: Bool
    let engine: VideoEngine
    private let choice: BackendChoice

    /// - Parameter sharesWeights: whether clips with other LoRAs follow each other.
    init(
        _ options: GenerateOptions, sharesWeights: Bool = false, program: Program, json: Bool
    ) throws(VideoError) {
        self.options = options
        self.program = program
        self.json = json
        choice = try BackendChoice(options.device, threads: options.threads)
        var engineOptions = options.engine
        engineOptions.memory.keepsWeights = sharesWeights
        engineOptions.duringCheckpoint = WorkerLoop.duringCheckpoint
        engine = try VideoEngine(engineOptions, backend: choice.backend)
        for remark in choice.remarks(in: .command) { note(remark) }
    }

    /// Runs what makes a clip and shows its progress.
    func watched(
        _ make: (_ progress: @escaping (VideoProgress) -> Bool) throws(VideoError) -> ClipReport
    ) throws(VideoError) -> ClipReport {
        let display = ProgressDisplay(style, clock: SystemClock.monotonic) { program.errors.write($0) }
        defer { display.finish() }
        return try make { progress in
            display.show(progress)
            if progress.stage == .decode, progress.completed > 0 { FailPoint.reached(.midEncode) }
            return !Interrupt.isRequested
        }
    }

    /// Prints what became of a clip.
    func tell(_ result: ClipReport) throws(VideoError) {
        for remark in choice.laterRemarks { note(remark) }
        let report = ResultReport(result: result)
        if json {
            try program.output.print("\(report.json)")
        } else if options.detail != .quiet {
            try program.output.print(report.text)
        }
    }

    /// Draws the clip while it is made, where that is wanted.
    ///
    /// - Parameter name: of the picture.
    func viewer(_ name: String?) throws(VideoError) -> LatentViewer? {
        guard let name else { return nil }
        do throws(MediaError) {
            let target = try OutputTarget(name, isClip: false)
            return LatentViewer(everySteps: Self.stepsToPreview, seconds: 1) { frame in
                do {
                    let file = try PendingFile(target)
                    try file.append(PNGFile.bytes(frame))
                    try file.publish(isDurable: false)
                } catch {
                    // The clip is worth more than a picture of it.
                    return
                }
            }
        } catch {
            throw error.videoError
        }
    }

    private static let stepsToPreview = 2

    private var style: ProgressDisplay.Style {
        switch options.detail {
        case .quiet: .none
        case .verbose: .everyStep
        case .normal: program.errors.isLive ? .live(columns: program.errors.columns) : .plain
        }
    }

    func note(_ text: String) {
        guard options.detail != .quiet else { return }
        program.errors.write("wan-infer: \(text)\n")
    }
}
