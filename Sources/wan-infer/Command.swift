/// What the program is asked to do.
enum Command: String, CaseIterable {
    case generate
    case plan
    case economics
    case doctor
    case models
    case serve
    /// Makes a clip with one of many providers, or replays their router's decisions.
    case route
    case providers
    case promises
    /// Prints what a shell completes by.
    case completions
    /// Prints the manual page.
    case man
    case help
    case version
    /// Started by the service only.
    case worker

    /// Those for people, in the order of the help.
    static let listed = allCases.filter { $0 != .worker }

    /// What follows it on the command line.
    var words: String {
        switch self {
        case .generate, .plan, .route: "[PROMPT] [options]"
        case .economics: "[options]"
        case .doctor: "[--json]"
        case .models: "[ACTION] [NAME]"
        case .serve, .providers, .promises: "[options]"
        case .completions: Shell.allCases.map(\.rawValue).joined(separator: "|")
        case .help: "[COMMAND]"
        case .man, .version, .worker: ""
        }
    }

    var summary: String {
        switch self {
        case .generate: "make a clip; what is done where no command is named"
        case .plan: "say what a clip would take and cost"
        case .economics: "compare what video costs here and at clouds"
        case .doctor: "test what this machine can do"
        case .models: "list models, or inspect, pull, verify, pin, rm one"
        case .serve: "make clips for programs, over HTTP"
        case .route: "have a clip made by the provider that serves it best"
        case .providers: "list who makes clips for a router, and their prices"
        case .promises: "list what a router owes, or make it"
        case .completions: "print what a shell completes by"
        case .man: "print the manual page"
        case .help: "print this text, or what a command takes"
        case .version: "print the version"
        case .worker: "make clips for a service"
        }
    }

    /// What was meant with a word that is no command, as it is typed; nil for a word that is like none.
    static func meant(by word: String) -> String? {
        let word = word.lowercased()
        let action = ModelsAction(rawValue: word) ?? actions[word]
        if let action { return action.usage }
        if ["create", "make", "run"].contains(word) { return "wan-infer generate \"PROMPT\"" }
        // A word of four letters is a slip of the finger away from too many others.
        let near = listed.first { $0.rawValue == word || word.count > 4 && isSlip(word, $0.rawValue) }
        return near.map { "wan-infer \($0.rawValue)" }
    }

    private static func isSlip(_ word: String, _ name: String) -> Bool { ParsedArguments.distance(word, name) == 1 }

    /// What other programs call what is done with models.
    private static let actions: [String: ModelsAction] = [
        "delete": .rm, "download": .pull, "fetch": .pull, "install": .pull, "ls": .list, "remove": .rm,
    ]
}
