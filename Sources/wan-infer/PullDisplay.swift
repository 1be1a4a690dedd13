import Files
import ModelHub

/// Shows how far a pull is: one line that is written over on a terminal, one every ten seconds elsewhere.
final class PullDisplay {
    private let style: ProgressDisplay.Style
    private let clock: () -> Double
    private let sink: (String) -> Void
    private var lastLine = -Double.infinity

    private static let secondsBetweenLines = 10.0

    init(
        _ style: ProgressDisplay.Style, clock: @escaping () -> Double = SystemClock.monotonic,
        sink: @escaping (String) -> Void
    ) {
        self.style = style
        self.clock = clock
        self.sink = sink
    }

    convenience init(_ style: ProgressDisplay.Style, program: Program) {
        self.init(style) { program.errors.write($0) }
    }

    static func style(_ console: Console) -> ProgressDisplay.Style {
        console.isLive ? .live(columns: console.columns) : .plain
    }

    /// Shows where it stands; false where the user wants it to end.
    func show(_ progress: PullProgress) -> Bool {
        let text = Self.text(progress)
        switch style {
        case .none: break
        case .live(let columns): sink("\r" + text.prefix(max(columns - 1, 1)) + "\u{1B}[K")
        case .plain, .everyStep:
            let now = clock()
            guard now - lastLine >= Self.secondsBetweenLines else { break }
            lastLine = now
            sink(text + "\n")
        }
        return !Interrupt.isRequested
    }

    /// Leaves the cursor at the start of an empty line.
    func finish() {
        if case .live = style { sink("\r\u{1B}[K") }
    }

    /// "fetch  3.2 GB of 14.5 GB  85.3 MB/s  2 min 12 s left".
    static func text(_ progress: PullProgress) -> String {
        guard progress.stage != .list else { return "asking the hub" }
        let name = progress.stage == .check ? "check" : "fetch"
        let done = Numbers.bytes(progress.doneBytes)
        guard progress.totalBytes > 0 else { return "\(name)  \(done)" }
        let position = "\(name)  \(done) of \(Numbers.bytes(progress.totalBytes))"
        guard let pace = progress.bytesPerSecond, pace > 0, let left = progress.secondsLeft else { return position }
        return "\(position)  \(Numbers.bytes(Int(min(pace, 1e15))))/s  \(Numbers.duration(left)) left"
    }
}
