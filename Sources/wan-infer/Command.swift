/// What the program is asked to do.
enum Command: String, CaseIterable {
    case generate
    case plan
    case economics
    case doctor
    case models
    case serve
    /// Replays the decisions of a router.
    case route
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
        case .generate, .plan: "[PROMPT] [options]"
        case .economics: "[options]"
        case .doctor: "[--json]"
        case .models: "[ACTION] [NAME]"
        case .serve: "[options]"
        case .route: "--simulate LOG.jsonl"
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
        case .route: "replay a router's decisions under a policy"
        case .completions: "print what a shell completes by"
        case .man: "print the manual page"
        case .help: "print this text, or what a command takes"
        case .version: "print the version"
        case .worker: "make clips for a service"
        }
    }
}
