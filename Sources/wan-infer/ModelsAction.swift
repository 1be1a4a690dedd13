/// What can be done with models.
enum ModelsAction: String, CaseIterable {
    case list
    case inspect
    case pull
    case verify
    case pin
    case rm

    /// What stands for the model that is meant; nil where none is.
    private var subject: String? { self == .list ? nil : self == .inspect ? "PATH" : "NAME" }

    var takesName: Bool { subject != nil }

    private var summary: String {
        switch self {
        case .list: "the models there are, and those that are here; what is done where nothing is named"
        case .inspect: "what the files of a model hold, in any layout, and why they do not run"
        case .pull: "fetch a model, or go on fetching it"
        case .verify: "read every file of a pulled model, and compare its SHA-256"
        case .pin: "write down a pulled model's commit and digests: later pulls must bring the same"
        case .rm: "remove what was pulled of a model"
        }
    }

    /// As it is typed.
    var usage: String { "wan-infer models \(rawValue)" + (subject.map { " \($0)" } ?? "") }

    static var hint: String { "wan-infer models " + allCases.map(\.rawValue).joined(separator: "|") }

    /// For the help.
    static var lines: [String] {
        let width = allCases.map(\.usage.count).max() ?? 0
        return allCases.map { action in
            "  " + action.usage + String(repeating: " ", count: width - action.usage.count + 2) + action.summary
        }
    }
}
