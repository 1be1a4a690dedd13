import VideoTypes

/// The words of the command line, taken apart and checked against the options there are; values are still text.
struct ParsedArguments: Equatable {
    private(set) var command = Command.generate
    /// Whether no command was named.
    private(set) var isBare = true
    /// What `help` is wanted about.
    private(set) var subject: Command?
    private(set) var prompt: String?
    /// What `completions` is asked for.
    private(set) var shell: Shell?
    /// What `models` is asked to do, and with which model.
    private(set) var action: ModelsAction?
    private(set) var modelName: String?
    private(set) var values: [String: String] = [:]
    /// Of options that may be given more than once.
    private(set) var lists: [String: [String]] = [:]
    private(set) var switches: Set<String> = []

    /// - Parameter words: what follows the program's name.
    init(_ words: [String]) throws(VideoError) {
        var rest = words[...]
        if let first = rest.first, let command = Command(rawValue: first) {
            self.command = command
            isBare = false
            rest.removeFirst()
        }
        var optionsEnded = false
        while let word = rest.popFirst() {
            if optionsEnded || !word.hasPrefix("-") {
                try take(prompt: word)
            } else if word == "--" {
                optionsEnded = true
            } else {
                try take(option: word, &rest)
            }
        }
        if prompt != nil, values["prompt"] != nil {
            throw .invalid("the prompt is given twice, as a word and with --prompt", hint: "leave one of them out")
        }
    }

    func has(_ name: String) -> Bool { switches.contains(name) }

    /// Whether an option was given, with a value or as a switch.
    func isGiven(_ name: String) -> Bool {
        values[name] != nil || lists[name] != nil || switches.contains(name)
    }

    /// As a shell would have to be told them.
    var line: String {
        let prompt = self.prompt.map { [Self.quoted($0)] } ?? []
        let options = CommandOption.all.filter { isGiven($0.name) }.flatMap { option in
            let texts = lists[option.name] ?? values[option.name].map { [$0] }
            return texts?.map { "--\(option.name)=\(Self.quoted($0))" } ?? ["--\(option.name)"]
        }
        let separator = self.prompt?.hasPrefix("-") == true ? ["--"] : []
        return (["wan-infer"] + options + separator + prompt).joined(separator: " ")
    }

    /// The same with more options.
    func adding(_ switches: Set<String>) -> ParsedArguments {
        var other = self
        other.switches.formUnion(switches)
        return other
    }

    /// As one word of a POSIX shell.
    static func quoted(_ word: String) -> String {
        let isPlain =
            !word.isEmpty
            && word.utf8.allSatisfy { byte in
                (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
                    || "_-./=:,+".utf8.contains(byte)
            }
        return isPlain ? word : "'" + word.replacing("'", with: "'\\''") + "'"
    }

    private mutating func take(prompt word: String) throws(VideoError) {
        if command == .completions, shell == nil {
            shell = Shell(rawValue: word)
            guard shell == nil else { return }
            throw .invalid(
                "no completions for '\(word)'", hint: "wan-infer completions \(Command.completions.words)")
        }
        if command == .help, subject == nil, let about = Command(rawValue: word), about != .worker {
            subject = about
            return
        }
        if command == .models { return try take(ofModels: word) }
        guard [.generate, .plan, .route].contains(command) else {
            throw .invalid(
                "\(command.rawValue) takes no '\(word)'", hint: "a clip is made by: wan-infer generate \"PROMPT\"")
        }
        guard let first = prompt else {
            prompt = word
            return
        }
        let meant = isBare ? Command.meant(by: first).map { "the command is: \($0)" } : nil
        throw .invalid(
            "unexpected '\(word)' after the prompt", hint: Wording(plain: meant ?? "put the whole prompt in quotes"))
    }

    private mutating func take(ofModels word: String) throws(VideoError) {
        guard let action else {
            action = ModelsAction(rawValue: word)
            guard action != nil else {
                throw .invalid(
                    "models takes no '\(OptionValues.shown(word))'", hint: Wording(plain: ModelsAction.hint))
            }
            return
        }
        guard action.takesName, modelName == nil else {
            throw .invalid(
                "unexpected '\(OptionValues.shown(word))' after models \(action.rawValue)",
                hint: Wording(plain: action.usage))
        }
        modelName = word
    }

    private mutating func take(option word: String, _ rest: inout ArraySlice<String>) throws(VideoError) {
        let parts = word.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        let typed = String(parts[0].dropFirst(2))
        let found = CommandOption.all.first { $0.name == typed || $0.synonym == typed }
        guard word.hasPrefix("--"), let option = found else { throw unknown(String(parts[0])) }
        let name = option.name
        guard option.commands.contains(command) else {
            if command != .route, Self.synonyms[name] != nil { throw unknown(String(parts[0])) }
            let others = option.commands.filter { $0 != .worker }.map(\.rawValue).joined(separator: ", ")
            throw .invalid(
                "--\(name) does not belong to '\(command.rawValue)'",
                hint: "it is for \(others); wan-infer help \(command.rawValue) lists what this takes")
        }
        guard values[name] == nil, !switches.contains(name) else {
            throw .invalid("--\(name) is given twice", hint: "leave one of them out")
        }
        guard let placeholder = option.value else {
            guard parts.count == 1 else {
                throw .invalid("--\(name) takes no value, got '\(parts[1])'", hint: "write just --\(name)")
            }
            switches.insert(name)
            return
        }
        if parts.count == 2 {
            take(String(parts[1]), of: option)
        } else if let next = rest.first, !next.hasPrefix("--") {
            take(next, of: option)
            rest.removeFirst()
        } else {
            throw .invalid(
                "--\(name) needs a value",
                hint: "--\(name) \(placeholder), or --\(name)=\(placeholder) for one with dashes")
        }
    }

    private mutating func take(_ value: String, of option: CommandOption) {
        if option.isRepeatable { lists[option.name, default: []].append(value) } else { values[option.name] = value }
    }

    /// What other programs and the API call some options.
    private static let synonyms: [String: String] = {
        var synonyms = [
            "resolution": "size", "quality": "steps", "ckpt-dir": "model", "save-file": "output",
        ]
        for field in RequestField.all {
            guard let option = field.option else { continue }
            let names = (field.otherNames + [field.parameter?.name].compactMap(\.self)).map {
                $0.replacing("_", with: "-")
            }
            for name in names where name != option { synonyms[name] = option }
        }
        return synonyms
    }()

    private func unknown(_ word: String) -> VideoError {
        let name = String(word.drop { $0 == "-" })
        let known = Self.synonyms[name.replacing("_", with: "-")]
        if let known, CommandOption.all.contains(where: { $0.name == known && $0.commands.contains(command) }) {
            return .invalid("unknown option '\(word)'", hint: "here it is --\(known)")
        }
        let names = CommandOption.all.filter { $0.commands.contains(command) }.map(\.name)
        let longer = name.isEmpty ? [] : names.filter { $0.hasPrefix(name) }
        let near = names.filter { Self.distance(name, $0) <= min(2, name.count - 1) }
        let best = (longer.isEmpty ? near : longer).min { Self.distance(name, $0) < Self.distance(name, $1) }
        let hint = best.map { "did you mean --\($0)?" } ?? "wan-infer --help lists the options"
        return .invalid("unknown option '\(word)'", hint: Wording(plain: hint))
    }

    /// Insertions, deletions and replacements that turn `a` into `b`.
    static func distance(_ a: String, _ b: String) -> Int {
        // A long word is no slip of the finger; comparing it would cost its length squared.
        guard a.utf8.count <= 40 else { return a.utf8.count }
        let b = Array(b)
        var row = Array(0...b.count)
        for (i, character) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for j in b.indices {
                let replaced = diagonal + (character == b[j] ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(replaced, row[j] + 1, diagonal + 1)
            }
        }
        return row[b.count]
    }
}
