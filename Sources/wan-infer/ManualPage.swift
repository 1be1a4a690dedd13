import VideoTypes

/// The manual page, in the macros of man(7), made from the tables of commands, options and errors.
enum ManualPage {
    static var text: String {
        let sections = [
            section("name", "wan\\-infer \\- a prompt becomes an MP4, on this machine"),
            section("synopsis", Command.listed.map(synopsis).joined(separator: "\n.br\n")),
            section(
                "description",
                escaped(
                    "Makes short videos from words with open video models; a small one is inside the program. "
                        + Usage.defaults.joined(separator: " "))),
            section("commands", Command.listed.map { item(bold($0.rawValue), $0.summary) }.joined(separator: "\n")),
            section("options", options),
            section("exit status", statuses),
            section("environment", environment),
            section("files", files),
            section("examples", examples),
        ]
        return
            ([
                ".\\\" Made by `wan-infer man`.",
                ".TH WAN\\-INFER 1 \"\" \"wan\\-infer \(Version.text)\" \"User Commands\"",
            ]
            + sections).joined(separator: "\n")
    }

    private static func section(_ name: String, _ body: String) -> String { ".SH \(name.uppercased())\n\(body)" }

    private static func synopsis(_ command: Command) -> String {
        let name = command == .generate ? "[\(bold(command.rawValue))]" : bold(command.rawValue)
        return bold("wan-infer") + " " + name + (command.words.isEmpty ? "" : " " + escaped(command.words))
    }

    private static var options: String {
        CommandOption.Group.allCases.map { group in
            let items = CommandOption.all.filter { $0.group == group }.map { option in
                let commands = option.commands.filter { Command.listed.contains($0) }.map(\.rawValue)
                let scope = commands.count == Command.listed.count ? "" : " [\(commands.joined(separator: ", "))]"
                let value = option.value.map { " \\fI\(escaped($0))\\fR" } ?? ""
                return item(bold("--\(option.name)") + value, option.summary + scope)
            }
            return ".SS \(escaped(group.rawValue))\n" + items.joined(separator: "\n")
        }.joined(separator: "\n")
    }

    private static var statuses: String {
        ([("0", "done")] + VideoError.Code.all.map { ("\($0.exitStatus)", $0.name) })
            .map { item(bold($0.0), $0.1) }.joined(separator: "\n")
    }

    private static var environment: String {
        [
            (
                "WAN_INFER_CACHE",
                "where compiled GPU kernels are kept, else XDG_CACHE_HOME/wan-infer or ~/.cache/wan-infer"
            ),
            (
                "WAN_INFER_MODELS",
                "where models are pulled to, else XDG_DATA_HOME/wan-infer/models or that in ~/.local/share"
            ),
            ("HF_ENDPOINT", "the hub that is asked, else https://huggingface.co"),
            ("HF_TOKEN", "who asks, else what is in the file of HF_TOKEN_PATH, or in HF_HOME/token"),
            ("HF_HUB_CACHE", "where models of other programs are looked for, else HF_HOME/hub"),
            ("HF_HUB_OFFLINE", "1: no hub is asked"),
            ("XDG_STATE_HOME", "its folder wan-infer holds the jobs and clips of serve, else that in ~/.local/state"),
        ].map { item(bold($0.0), $0.1) }.joined(separator: "\n")
    }

    private static var files: String {
        [
            (
                "/usr/lib/systemd/system/wan-infer.service",
                "serve as a service of its own user; not enabled by installing"
            ),
            ("/etc/default/wan-infer", "options of that service"),
            ("/var/lib/wan-infer", "its jobs and clips"),
            ("/usr/share/wan-infer/weights-manifest.json", "the models there are"),
        ].map { item("\\fI\(escaped($0.0))\\fR", $0.1) }.joined(separator: "\n")
    }

    private static var examples: String {
        [
            "wan-infer \"a red circle moves up\"",
            "wan-infer models pull wan2.1-t2v-1.3b",
            "wan-infer --model wan2.1-t2v-1.3b --output cat.mp4 \"a cat walks through tall grass\"",
            "wan-infer serve --port 8080",
        ].map { ".EX\n\(escaped($0))\n.EE" }.joined(separator: "\n.PP\n")
    }

    private static func item(_ head: String, _ text: String) -> String { ".TP\n\(head)\n\(escaped(text))" }

    private static func bold(_ text: String) -> String { "\\fB\(escaped(text))\\fR" }

    /// As troff prints it: its own sign, dashes that can be searched for, no line that it takes for a request.
    private static func escaped(_ text: String) -> String {
        let text = text.replacing("\\", with: "\\e").replacing("-", with: "\\-")
        return text.hasPrefix(".") || text.hasPrefix("'") ? "\\&" + text : text
    }
}
