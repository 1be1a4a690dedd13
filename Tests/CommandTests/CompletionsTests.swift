import Foundation
import TestSupport
import TestTools
import Testing

@testable import wan_infer

/// What shells complete, asked of the shells themselves, and the manual page: all of it made from the tables.
@Suite(.bounded) struct CompletionsTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        for shell in Shell.allCases {
            try Data(Completions(shell: shell).text.utf8).write(
                to: URL(fileURLWithPath: folder.file("wan-infer.\(shell.rawValue)")))
        }
    }

    private func run(_ shell: Shell, _ options: [String], _ script: String) throws -> [String] {
        let result = try Subprocess(
            "/usr/bin/env", [shell.rawValue] + options + ["-c", script], folder: folder.path,
            environment: ["HOME": folder.path, "XDG_CONFIG_HOME": folder.path, "XDG_DATA_HOME": folder.path])
        #expect(result.status == 0, "\(shell): \(result.errors)")
        return result.output.split(separator: "\n").map(String.init)
    }

    /// What bash offers for the last of `words`.
    private func bash(_ words: String...) throws -> [String] {
        let list = (["wan-infer"] + words).map { "'\($0)'" }.joined(separator: " ")
        return try run(
            .bash, ["--norc"],
            """
            source ./wan-infer.bash
            COMP_WORDS=(\(list)); COMP_CWORD=\(words.count)
            _wan_infer 2>errors; grep -v compopt errors >&2
            printf '%s\\n' "${COMPREPLY[@]}"
            """)
    }

    /// What fish offers for the last word of a line.
    private func fish(_ line: String) throws -> [String] {
        try run(.fish, ["--no-config"], "source wan-infer.fish; complete -C 'wan-infer \(line)'")
            .map { String($0.prefix { $0 != "\t" }) }
    }

    /// What zsh is told to choose from where the last of `words` stands.
    private func zsh(_ words: String...) throws -> [String] {
        let list = (["wan-infer"] + words).map { "'\($0)'" }.joined(separator: " ")
        return try run(
            .zsh, ["-f"],
            """
            _arguments() { print -rl -- "$@" }
            _describe() { print -rl -- "${(@P)2}" }
            words=(\(list)); CURRENT=\(words.count + 1)
            source ./wan-infer.zsh
            """)
    }

    private static func names(of command: Command) -> [String] {
        CommandOption.all.filter { $0.commands.contains(command) }.map { "--\($0.name)" }
    }

    @Test(arguments: Command.listed)
    func `every shell offers the options of a command and no others`(command: Command) throws {
        let names = Self.names(of: command).sorted()
        #expect(try bash(command.rawValue, "--").sorted() == names)
        #expect(try fish("\(command.rawValue) --").sorted() == names)
        // A star: more than once.
        let offered = try zsh(command.rawValue, "--").filter { $0.hasPrefix("--") || $0.hasPrefix("*--") }
            .map { String($0.prefix { $0 != "=" && $0 != "[" }) }
        #expect(offered.map { $0.hasPrefix("*") ? String($0.dropFirst()) : $0 }.sorted() == names)
        #expect(offered.contains("*--lora") == names.contains("--lora"))
    }

    @Test func `without a command the options are those of a clip, and commands are offered`() throws {
        let commands = Command.listed.map(\.rawValue)
        #expect(try bash("--").sorted() == Self.names(of: .generate).sorted())
        #expect(try bash("").sorted() == (Self.names(of: .generate) + commands).sorted())
        #expect(try bash("pl") == ["plan"])
        #expect(try fish("").sorted() == commands.sorted())
        // Since 4.0 those follow that have the letters elsewhere.
        let offered = try fish("a-prompt --fr")
        #expect(offered.filter { $0.hasPrefix("--fr") } == ["--frames"] && offered.first == "--frames")
        #expect(Set(offered).isSubset(of: Self.names(of: .generate)))
        #expect(try zsh("").map { String($0.prefix { $0 != ":" }) }.filter(commands.contains) == commands)
        #expect(try zsh("--").contains { $0.hasPrefix("--frames=[number of frames]:N:") })
    }

    @Test(arguments: CommandOption.all.filter { !$0.choices.isEmpty }.map(\.name))
    func `values that can be listed are offered`(name: String) throws {
        let option = try #require(CommandOption.all.first { $0.name == name })
        let command = option.commands.contains(.plan) ? "plan" : "route"
        #expect(try bash(command, "--\(name)", "") == option.choices)
        #expect(try bash(command, "--\(name)", "=", option.choices[0]) == [option.choices[0]])
        #expect(try fish("\(command) --\(name) ").sorted() == option.choices.sorted())
        let specification = try #require(try zsh(command, "--").first { $0.hasPrefix("--\(name)=") })
        #expect(specification.hasSuffix(":(\(option.choices.joined(separator: " ")))"))
        for choice in option.choices {
            #expect(option.summary.contains(choice))
            #expect(throws: Never.self) { try GenerateOptions(ParsedArguments([command, "--\(name)", choice])) }
        }
    }

    @Test func `files and folders are offered where they are meant`() throws {
        try FileManager.default.createDirectory(atPath: folder.file("a model"), withIntermediateDirectories: false)
        for name in ["a.mp4", "a.jsonl"] { try Data().write(to: URL(fileURLWithPath: folder.file(name))) }
        #expect(try bash("--checkpoint", "a") == ["a model"])
        for option in ["--model", "--output"] {
            #expect(try bash(option, "a").sorted() == ["a model", "a.jsonl", "a.mp4"])
        }
        #expect(try bash("--prompt", "a") == [])
        #expect(try fish("serve --key-file a").contains("a.mp4"))
        #expect(try fish("--output a").contains("a.mp4"))
        #expect(try fish("--checkpoint a").allSatisfy { !$0.contains("mp4") })
        #expect(
            try zsh("route", "").contains(
                "--simulate=[decide a router's log once more]:LOG.jsonl:_files -g \"*.jsonl\""))
        #expect(try zsh("--").contains { $0.hasSuffix(":DIR:_files -/") })
    }

    @Test func `the shells are offered and no other is taken`() throws {
        let shells = Shell.allCases.map(\.rawValue)
        #expect(try bash("completions", "").filter { !$0.hasPrefix("--") } == shells)
        #expect(try fish("completions ").sorted() == shells.sorted())
        #expect(try ParsedArguments(["completions", "zsh"]).shell == .zsh)
        #expect(throws: (any Error).self) { try ParsedArguments(["completions", "tcsh"]) }
        #expect(throws: (any Error).self) { try ParsedArguments(["completions", "zsh", "bash"]) }
        #expect(throws: (any Error).self) { try Completions(ParsedArguments(["completions"])) }
    }

    @Test func `the manual page is without fault and says everything`() throws {
        try Data(ManualPage.text.utf8).write(to: URL(fileURLWithPath: folder.file("wan-infer.1")))
        let page = try Subprocess(
            "/usr/bin/man", ["--warnings", "--encoding=UTF-8", "--local-file", "wan-infer.1"], folder: folder.path,
            environment: ["MANWIDTH": "200", "MAN_KEEP_FORMATTING": "", "LC_ALL": "C.UTF-8"])
        #expect(page.status == 0 && page.errors.isEmpty, "\(page.errors)")
        for option in CommandOption.all {
            #expect(page.output.contains("--\(option.name)") && page.output.contains(option.summary))
        }
        for command in Command.listed { #expect(page.output.contains(command.summary)) }
        #expect(page.output.contains("out_of_memory") && page.output.contains("wan-infer(1)") == false)
        #expect(page.output.hasPrefix("WAN-INFER(1)"))
    }
}
