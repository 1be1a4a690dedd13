import VideoTypes

/// A shell that completes words.
enum Shell: String, CaseIterable {
    case bash
    case zsh
    case fish
}

/// What a shell completes the program's words by, made from the table of options.
struct Completions {
    let shell: Shell

    init(_ arguments: ParsedArguments) throws(VideoError) {
        guard let shell = arguments.shell else {
            throw .invalid("completions needs a shell", hint: "wan-infer completions \(Command.completions.words)")
        }
        self.shell = shell
    }

    init(shell: Shell) { self.shell = shell }

    var text: String {
        switch shell {
        case .bash: Self.bash
        case .zsh: Self.zsh
        case .fish: Self.fish
        }
    }

    static func options(of command: Command) -> [CommandOption] {
        CommandOption.all.filter { $0.commands.contains(command) }
    }

    private static let names = Command.listed.map(\.rawValue)
    private static let shells = Shell.allCases.map(\.rawValue).joined(separator: " ")

    /// In single quotes, as all three shells take it.
    private static func quoted(_ text: String) -> String {
        "'" + text.replacing("'", with: "'\\''") + "'"
    }
}

extension Completions {
    /// bash splits words at `=`.
    private static var bash: String {
        let values = CommandOption.all.compactMap { option in
            option.argument.map { "    --\(option.name)) \(bashReply($0)); return ;;" }
        }
        let words = Command.listed.map { command in
            let names = options(of: command).map { "--\($0.name)" }.joined(separator: " ")
            return "    \(command.rawValue)) words=\(quoted(names)) ;;"
        }
        return """
            # bash completion of wan-infer, made by `wan-infer completions bash`.
            _wan_infer() {
                local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} command=generate words
                [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD - 2]}
                [[ $current == = ]] && current=
                case ${COMP_WORDS[1]} in
                \(names.joined(separator: "|"))) ((COMP_CWORD > 1)) && command=${COMP_WORDS[1]} ;;
                esac
                case $previous in
            \(values.joined(separator: "\n"))
                esac
                case $command in
            \(words.joined(separator: "\n"))
                esac
                ((COMP_CWORD == 1)) && words+=\(quoted(" " + names.joined(separator: " ")))
                [[ $command == completions ]] && words+=\(quoted(" " + shells))
                mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
            }
            complete -F _wan_infer wan-infer
            """
    }

    private static func bashReply(_ argument: CommandOption.Argument) -> String {
        switch argument {
        case .oneOf(let words):
            "mapfile -t COMPREPLY < <(compgen -W \(quoted(words.joined(separator: " "))) -- \"$current\")"
        case .folder: "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -d -- \"$current\")"
        case .file: "compopt -o filenames; mapfile -t COMPREPLY < <(compgen -f -- \"$current\")"
        case .text: "COMPREPLY=()"
        }
    }
}

extension Completions {
    private static var zsh: String {
        let commands = Command.listed.map { "    \(quoted("\($0.rawValue):\($0.summary)"))" }
        let specifications = Command.listed.map { command in
            let word: [String] =
                switch command {
                case .generate, .plan: ["':prompt:'"]
                case .completions: [quoted(":shell:(\(shells))")]
                default: []
                }
            let words = word + options(of: command).map { quoted(zshSpecification($0)) }
            return "    \(command.rawValue)) _arguments \(words.joined(separator: " \\\n        ")) ;;"
        }
        return """
            #compdef wan-infer
            # Made by `wan-infer completions zsh`.
            _wan_infer() {
                local command=generate
                local -a commands=(
            \(commands.joined(separator: "\n"))
                )
                if ((CURRENT == 2)); then
                    [[ $words[2] == -* ]] || _describe command commands
                elif (($commands[(I)$words[2]:*])); then
                    command=$words[2]
                    shift words
                    ((CURRENT--))
                fi
                case $command in
            \(specifications.joined(separator: "\n"))
                esac
            }
            _wan_infer "$@"
            """
    }

    private static func zshSpecification(_ option: CommandOption) -> String {
        var summary = option.summary
        for character in ["\\", ":", "[", "]"] { summary = summary.replacing(character, with: "\\" + character) }
        guard let value = option.value, let argument = option.argument else { return "--\(option.name)[\(summary)]" }
        let action =
            switch argument {
            case .oneOf(let words): "(\(words.joined(separator: " ")))"
            case .folder: "_files -/"
            case .file(let ending): ending.isEmpty ? "_files" : "_files -g \"*\(ending)\""
            case .text: ""
            }
        return "\(option.isRepeatable ? "*" : "")--\(option.name)=[\(summary)]:\(value):\(action)"
    }
}

extension Completions {
    private static var fish: String {
        var lines = [
            "# fish completion of wan-infer, made by `wan-infer completions fish`.", "complete -c wan-infer -f",
        ]
        for command in Command.listed {
            lines.append(
                "complete -c wan-infer -n __fish_use_subcommand -a \(command.rawValue) -d \(quoted(command.summary))")
        }
        let others = names.filter { $0 != Command.generate.rawValue }.joined(separator: " ")
        for command in Command.listed {
            let condition =
                command == .generate
                ? "not __fish_seen_subcommand_from \(others)" : "__fish_seen_subcommand_from \(command.rawValue)"
            let head = "complete -c wan-infer -n \(quoted(condition))"
            if command == .completions {
                lines.append("\(head) -a \(quoted(shells))")
            }
            for option in options(of: command) {
                lines.append("\(head) -l \(option.name)\(fishArgument(option)) -d \(quoted(option.summary))")
            }
        }
        return lines.joined(separator: "\n")
    }

    private static func fishArgument(_ option: CommandOption) -> String {
        switch option.argument {
        case nil: ""
        case .oneOf(let words): " -x -a \(quoted(words.joined(separator: " ")))"
        case .folder: " -x -a '(__fish_complete_directories)'"
        case .file(let ending): ending.isEmpty ? " -r -F" : " -x -a '(__fish_complete_suffix \(ending))'"
        case .text: " -x"
        }
    }
}
