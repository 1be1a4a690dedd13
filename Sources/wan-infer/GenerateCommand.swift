import Backends
import Compute
import ComputeCPU
import Files
import VideoProvider
import VideoTypes

/// Makes one clip.
struct GenerateCommand {
    let options: GenerateOptions
    let program: Program
    let json: Bool

    func run() throws(VideoError) {
        var request = options.request
        let typed: String? =
            if let prompt = options.prompt { prompt } else { try StandardInput(descriptor: 0).prompt() }
        let choice = try BackendChoice(options.device, threads: options.threads)
        for remark in choice.remarks(in: .command) { note(remark) }
        let engine = try VideoEngine(options.engine, backend: choice.backend)
        let isPictured = !request.referenceImages.isEmpty
        request.prompt = typed ?? (isPictured ? "" : engine.samplePrompt)
        if typed == nil, !isPictured {
            note("no prompt given, using the model's sample: \(ResultReport.line(request.prompt))")
        }

        let display = ProgressDisplay(style, clock: SystemClock.monotonic) { program.errors.write($0) }
        let result: ClipReport
        do throws(VideoError) {
            let (path, isNamed) = (options.output ?? "out.mp4", options.output != nil)
            let order = try engine.order(request)
            for remark in order.remarks { note(remark) }
            result = try engine.generate(order, to: path, keepsExisting: !isNamed) { progress in
                display.show(progress)
                return !Interrupt.isRequested
            }
        } catch {
            display.finish()
            throw error
        }
        display.finish()
        for remark in choice.laterRemarks { note(remark) }
        let report = ResultReport(result: result)
        if json {
            try program.output.print("\(report.json)")
        } else if options.detail != .quiet {
            try program.output.print(report.text)
        }
    }

    private var style: ProgressDisplay.Style {
        switch options.detail {
        case .quiet: .none
        case .verbose: .everyStep
        case .normal: program.errors.isLive ? .live(columns: program.errors.columns) : .plain
        }
    }

    private func note(_ text: String) {
        guard options.detail != .quiet else { return }
        program.errors.write("wan-infer: \(text)\n")
    }
}
