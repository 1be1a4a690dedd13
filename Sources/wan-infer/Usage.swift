import VideoTypes

/// The text of `--help`.
enum Usage {
    static var text: String {
        var lines = [
            "wan-infer: a prompt becomes an MP4, on this machine",
            "",
            "usage: wan-infer [generate] [PROMPT] [options]",
        ]
        for command in Command.listed where command != .generate {
            let head = ["wan-infer", command.rawValue, command.words].filter { !$0.isEmpty }.joined(separator: " ")
            lines.append("       \(head)    \(command.summary)")
        }
        lines += [""] + defaults
        let width = CommandOption.all.map { head($0).count }.max() ?? 0
        for group in CommandOption.Group.allCases {
            lines += ["", "\(group.rawValue):"]
            for option in CommandOption.all where option.group == group {
                let head = head(option)
                lines.append("  " + head + String(repeating: " ", count: width - head.count + 2) + option.summary)
            }
        }
        let statuses = VideoError.Code.all.map { "\($0.exitStatus) \($0.name)" }
        lines += ["", "exit status:", "  0 done, " + statuses.prefix(4).joined(separator: ", ") + ","]
        let others = Array(statuses.dropFirst(4))
        for start in stride(from: 0, to: others.count, by: 5) {
            let end = min(start + 5, others.count)
            lines.append("  " + others[start..<end].joined(separator: ", ") + (end < others.count ? "," : ""))
        }
        return lines.joined(separator: "\n")
    }

    /// What becomes of what is left out.
    static let defaults = [
        "Without PROMPT the prompt is read from standard input; when nothing comes from there, the model's",
        "sample prompt is used. What is left out takes the model's own default.",
    ]

    private static func head(_ option: CommandOption) -> String {
        "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
    }
}
