import Backends
import ModelHub
import StrictJSON
import VideoProvider
import VideoTypes
import Weights

/// Lists the models there are, and does what is to be done with one.
struct ModelsCommand {
    let action: ModelsAction
    let name: String?
    let revision: String?
    let program: Program
    let json: Bool
    let isQuiet: Bool
    private let arguments: ParsedArguments

    init(_ arguments: ParsedArguments, program: Program) throws(VideoError) {
        action = arguments.action ?? .list
        name = arguments.modelName
        revision = arguments.values["revision"]
        self.arguments = arguments
        self.program = program
        json = arguments.has("json")
        isQuiet = arguments.has("quiet")
        guard revision == nil || action == .pull else {
            throw .invalid("--revision belongs to models pull", hint: Wording(plain: ModelsAction.pull.usage))
        }
        let inspected = (["verbose"] + ModelPart.allCases.map(\.option)).first { arguments.isGiven($0) }
        if let inspected, action != .inspect {
            throw .invalid("--\(inspected) belongs to models inspect", hint: Wording(plain: ModelsAction.inspect.usage))
        }
    }

    func run() throws(VideoError) {
        switch action {
        case .list: try list()
        case .inspect: try inspect()
        case .pull: try PullCommand(try entry(), revision: revision, program: program, isQuiet: isQuiet).run(json: json)
        case .verify: try verify(try entry())
        case .pin: try pin(try entry())
        case .rm: try remove(try entry())
        }
    }

    private func list() throws(VideoError) {
        let models = try Self.manifest().models
        // The list is one also where nobody knows a place for models.
        let shelf = try? Self.shelf()
        let places = models.map { entry in shelf.flatMap { Self.place(entry, $0) } }
        try program.output.print(json ? "\(Self.json(models, places))" : Self.table(models, places))
    }

    private func inspect() throws(VideoError) {
        let source = try OptionValues(arguments.values).model(name, toPlan: false)
        guard case .files(let places) = source else {
            throw .invalid("models inspect needs a model's files", hint: Wording(plain: ModelsAction.inspect.usage))
        }
        try InspectCommand(places: places, program: program, json: json, isVerbose: arguments.has("verbose")).run()
    }

    /// The model that the command names.
    private func entry() throws(VideoError) -> Manifest.Entry {
        guard let name else {
            throw .invalid("models \(action.rawValue) needs a model", hint: Wording(plain: action.usage))
        }
        guard let entry = try Self.manifest().entry(named: name), entry.repository != nil else {
            throw VideoError(
                .modelNotFound, "no model to fetch is called '\(OptionValues.shown(name))'",
                hint: "\(.models) lists their names")
        }
        return entry
    }

    /// The list inside the binary.
    static func manifest() throws(VideoError) -> Manifest {
        do throws(WeightError) {
            return try BuiltInModel.manifest()
        } catch {
            throw VideoError(.internalError, "the list of models in this binary: \(error.message)", hint: error.hint)
        }
    }

    /// What `--model` means: the model inside, a folder, or where a plan is enough a name of the list.
    static func source(_ text: String?, toPlan: Bool = false) throws(VideoError) -> ModelSource {
        guard let text, !BuiltInModel.isCalled(text) else { return .builtIn }
        guard !Machine.exists(text) else { return .folder(text) }
        guard let entry = try manifest().entry(named: text) else {
            let near = try manifest().models.first { isSlip(text, of: $0.id) }
            guard let near else { return .folder(text) }
            throw VideoError(
                .modelNotFound, "\(OptionValues.shown(text)): no such folder, and no model is called that",
                field: .model, hint: "did you mean \(.model, near.id)?")
        }
        guard let repository = entry.repository else { return .builtIn }
        guard entry.folder != nil else {
            throw VideoError(.modelNotFound, "\(entry.id) cannot be run yet", hint: "\(.models) says which can")
        }
        let shelf: ModelShelf
        let finding: (place: ModelShelf.Place?, remark: ModelShelf.Remark?)
        do throws(VideoError) {
            shelf = try Self.shelf()
            finding = try hub { () throws(HubError) in try shelf.find(entry.id, repository) }
        } catch {
            if toPlan { return .published(entry.id) }
            throw error
        }
        switch finding.place {
        case .pulled(let model): return .folder(model.folder)
        case .cached(let folder, _): return .folder(folder)
        case .half, nil: if toPlan { return .published(entry.id) }
        }
        throw absent(entry, finding.place, finding.remark, shelf)
    }

    private static func isSlip(_ text: String, of name: String) -> Bool {
        !text.contains("/") && ParsedArguments.distance(text.lowercased(), name) <= 2
    }

    /// What is to be done where a model is not, or not all, on this machine.
    private static func absent(
        _ entry: Manifest.Entry, _ place: ModelShelf.Place?, _ remark: ModelShelf.Remark?, _ shelf: ModelShelf
    ) -> VideoError {
        let command = Wording.pulling(entry.id)
        if case .half(let model) = place {
            return VideoError(
                .modelNotFound, "only \(here(.half(model))) of \(entry.id) has been pulled to \(model.folder)",
                hint: "\(command) goes on where it ended")
        }
        // Paths are long, and the reason is behind them.
        let seen = remark.map { "; \($0.text.printable(upTo: 1024))" } ?? ""
        return VideoError(
            .modelNotFound, "\(entry.id) is not on this machine\(seen)",
            hint: "\(command) fetches it: \(size(entry))")
    }

    /// What there is to fetch: the manifest knows how many numbers, not how each is stored.
    static func size(_ entry: Manifest.Entry) -> String {
        "\(Numbers.bytes(2 * entry.parameters)) in 16 bits, twice that in 32"
    }

    static func table(_ models: [Manifest.Entry], _ places: [ModelShelf.Place?]) -> String {
        let rows = zip(models, places).map { entry, place in
            let defaults = entry.defaults
            return [
                entry.id, entry.task.rawValue, "\(defaults.width)x\(defaults.height)", "\(defaults.frames)",
                Numbers.parameters(entry.parameters),
                entry.licence, entry.status.rawValue, entry.repository ?? "",
                place.map { "\(here($0)) in \(folder($0))" } ?? "",
            ]
        }
        let head = ["model", "task", "size", "frames", "parameters", "licence", "status", "repository", "here"]
        let all = [head] + rows
        let widths = all[0].indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
                .joined(separator: "  ")
            let end = line.lastIndex { $0 != " " } ?? line.startIndex
            return String(line[...end])
        }.joined(separator: "\n")
    }

    static func json(_ models: [Manifest.Entry], _ places: [ModelShelf.Place?]) -> JSONText {
        .array(
            zip(models, places).map { entry, place in
                .object([
                    ("model", .string(entry.id)),
                    ("task", .string(entry.task.rawValue)),
                    ("repository", entry.repository.map(JSONText.string) ?? .null),
                    ("licence", .string(entry.licence)),
                    ("licence_terms", entry.licenceTerms.map(JSONText.string) ?? .null),
                    ("parameters", .integer(entry.parameters)),
                    ("status", .string(entry.status.rawValue)),
                    ("width", .integer(entry.defaults.width)),
                    ("height", .integer(entry.defaults.height)),
                    ("frames", .integer(entry.defaults.frames)),
                    ("fps", .integer(entry.defaults.fps)),
                    ("steps", .integer(entry.defaults.steps)),
                    ("guidance", .number(entry.defaults.guidance)),
                    ("notes", entry.notes.map(JSONText.string) ?? .null),
                    ("here", place.map(Self.json) ?? .null),
                ])
            })
    }
}
