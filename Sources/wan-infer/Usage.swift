import VideoTypes

/// The text of `--help`.
enum Usage {
    static var text: String {
        var lines = [
            "wan-infer: a prompt becomes an MP4, on this machine",
            "",
            "usage: wan-infer [generate] [PROMPT] [options]",
            "       wan-infer plan [PROMPT] [options]    say what a clip would take and cost",
            "       wan-infer doctor [--json]    test what this machine can do",
            "       wan-infer models [--json]    list the models there are",
            "       wan-infer serve [options]    make clips for programs, over HTTP",
            "       wan-infer route --simulate LOG.jsonl    replay a router's decisions under a policy",
            "",
            "Without PROMPT the prompt is read from standard input; when nothing comes from there, the model's",
            "sample prompt is used. What is left out takes the model's own default.",
        ]
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

    private static func head(_ option: CommandOption) -> String {
        "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
    }
}
