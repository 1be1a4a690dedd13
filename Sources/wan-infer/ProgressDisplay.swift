import VideoTypes

/// Shows where a run stands: one line that is written over on a terminal, a few plain lines elsewhere.
final class ProgressDisplay {
    enum Style: Equatable {
        case none
        case live(columns: Int)
        /// A line for each stage, and one every ten seconds of a long one.
        case plain
        /// A line for every report.
        case everyStep
    }

    private let style: Style
    private let clock: () -> Double
    private let sink: (String) -> Void
    private let start: Double
    private var last: VideoProgress?
    private var stageStart = 0.0
    private var lastLine = 0.0

    private static let secondsBetweenLines = 10.0
    private static let secondsBetweenRedraws = 0.05

    /// - Parameters:
    ///   - clock: seconds from any fixed moment.
    ///   - sink: takes the text, line ends included.
    init(_ style: Style, clock: @escaping () -> Double, sink: @escaping (String) -> Void) {
        self.style = style
        self.clock = clock
        self.sink = sink
        start = clock()
        lastLine = -.infinity
    }

    func show(_ progress: VideoProgress) {
        let now = clock()
        if last?.stage != progress.stage {
            endStage(now)
            stageStart = now
            lastLine = style == .plain ? now : -.infinity
        }
        last = progress
        let text = Self.text(progress, seconds: now - stageStart)
        switch style {
        case .none: return
        case .live(let columns):
            guard now - lastLine >= Self.secondsBetweenRedraws || progress.completed == progress.total else { return }
            // The last column stays free: some terminals wrap there.
            sink("\r" + text.prefix(max(columns - 1, 1)) + "\u{1B}[K")
        case .plain:
            guard now - lastLine >= Self.secondsBetweenLines, progress.completed < progress.total else { return }
            sink(text + "\n")
        case .everyStep: sink(Numbers.fixed(now - start, 3) + " s  " + text + "\n")
        }
        lastLine = now
    }

    /// Ends the last stage and leaves the cursor at the start of an empty line.
    func finish() {
        endStage(clock())
        last = nil
        if case .live = style { sink("\r\u{1B}[K") }
    }

    private func endStage(_ now: Double) {
        guard style == .plain, let last else { return }
        // Models load piece by piece; the pieces of a small one are not worth a line.
        let isShort = last.stage == .load || last.stage == .text || last.total <= 1
        guard !isShort || now - stageStart >= 0.05 else { return }
        let steps = last.total > 1 ? "  \(last.completed)/\(last.total)" : ""
        sink("\(last.stage.rawValue)\(steps)  \(Numbers.duration(now - stageStart))\n")
    }

    /// "denoise  12/30  0.41 s/step  7.38 s left".
    static func text(_ progress: VideoProgress, seconds: Double) -> String {
        guard progress.total > 1 else { return progress.stage.rawValue }
        let position = "\(progress.stage.rawValue)  \(progress.completed)/\(progress.total)"
        guard progress.completed > 0 else { return position }
        let each = seconds / Double(progress.completed)
        let left = each * Double(max(progress.total - progress.completed, 0))
        let pace = each < 0.1 ? Numbers.fixed(each, 3) + " s" : Numbers.duration(each)
        return "\(position)  \(pace)/\(progress.stage.unit)  \(Numbers.duration(left)) left"
    }
}

extension VideoProgress.Stage {
    /// What one finished piece of the stage is called.
    var unit: String {
        switch self {
        case .load: "piece"
        case .text: "text"
        case .denoise: "step"
        case .decode: "latent frame"
        }
    }
}
