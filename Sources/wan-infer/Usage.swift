import VideoTypes

/// The text of `help`.
enum Usage {
    static var text: String {
        (["wan-infer: a prompt becomes an MP4, on this machine", ""] + usage + [""] + defaults
            + options(CommandOption.all) + statuses).joined(separator: "\n")
    }

    /// Of one command.
    static func text(for command: Command) -> String {
        let isPrompted = [.generate, .plan].contains(command)
        return
            (["usage: \(head(command))  \(command.summary)"] + (isPrompted ? [""] + defaults : [])
            + (command == .models ? [""] + ModelsAction.lines : [])
            + options(CommandOption.all.filter { $0.commands.contains(command) })).joined(separator: "\n")
    }

    /// What becomes of what is left out.
    static let defaults = [
        "Without PROMPT the prompt is read from standard input; when nothing comes from there, the model's",
        "sample prompt is used. What is left out takes the model's own default.",
    ]

    private static var usage: [String] {
        let heads = Command.listed.map { head($0) }
        let width = heads.map(\.count).max() ?? 0
        return zip(Command.listed, heads).enumerated().map { index, line in
            let padding = String(repeating: " ", count: width - line.1.count + 2)
            return (index == 0 ? "usage: " : "       ") + line.1 + padding + line.0.summary
        }
    }

    /// The command that is meant where none is named stands in brackets.
    private static func head(_ command: Command) -> String {
        let name = command == .generate ? "[generate]" : command.rawValue
        return ["wan-infer", name, command.words].filter { !$0.isEmpty }.joined(separator: " ")
    }

    private static func options(_ options: [CommandOption]) -> [String] {
        let width = options.map { head($0).count }.max() ?? 0
        return CommandOption.Group.allCases.flatMap { group -> [String] in
            let lines = options.filter { $0.group == group }.map { option in
                let head = head(option)
                return "  " + head + String(repeating: " ", count: width - head.count + 2) + option.summary
            }
            return lines.isEmpty ? [] : ["", "\(group.rawValue):"] + lines
        }
    }

    private static var statuses: [String] {
        let statuses = VideoError.Code.all.map { "\($0.exitStatus) \($0.name)" }
        var lines = ["", "exit status:", "  0 done, " + statuses.prefix(4).joined(separator: ", ") + ","]
        let others = Array(statuses.dropFirst(4))
        for start in stride(from: 0, to: others.count, by: 4) {
            let end = min(start + 4, others.count)
            lines.append("  " + others[start..<end].joined(separator: ", ") + (end < others.count ? "," : ""))
        }
        return lines
    }

    private static func head(_ option: CommandOption) -> String {
        "--\(option.name)" + (option.value.map { " \($0)" } ?? "")
    }
}
