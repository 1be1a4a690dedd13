/// What can be done with models.
enum ModelsAction: String, CaseIterable {
    case list
    case pull
    case verify
    case pin
    case rm

    var takesName: Bool { self != .list }

    private var summary: String {
        switch self {
        case .list: "the models there are, and those that are here; what is done where nothing is named"
        case .pull: "fetch a model, or go on fetching it"
        case .verify: "read every file of a pulled model, and compare its SHA-256"
        case .pin: "write down a pulled model's commit and digests: later pulls must bring the same"
        case .rm: "remove what was pulled of a model"
        }
    }

    /// As it is typed.
    var usage: String { "wan-infer models \(rawValue)" + (takesName ? " NAME" : "") }

    static var hint: String { "wan-infer models " + allCases.map(\.rawValue).joined(separator: "|") }

    /// For the help.
    static var lines: [String] {
        let width = allCases.map(\.usage.count).max() ?? 0
        return allCases.map { action in
            "  " + action.usage + String(repeating: " ", count: width - action.usage.count + 2) + action.summary
        }
    }
}
