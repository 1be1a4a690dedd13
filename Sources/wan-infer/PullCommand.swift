import Backends
import ModelHub
import VideoProvider
import VideoTypes
import Weights

/// Fetches a model of the list.
struct PullCommand {
    let entry: Manifest.Entry
    /// nil: as pinned, else the main one.
    let revision: String?
    let program: Program
    let isQuiet: Bool

    init(_ entry: Manifest.Entry, revision: String?, program: Program, isQuiet: Bool) {
        self.entry = entry
        self.revision = revision
        self.program = program
        self.isQuiet = isQuiet
    }

    func run(json: Bool) throws(VideoError) {
        let model = try fetch()
        let record = model.record
        guard !json else {
            return try program.output.print(
                "\(JSONText.object([("model", .string(entry.id)), ("folder", .string(model.folder)), ("bytes", .integer(record.byteCount)), ("commit", .string(record.commit)), ("files", .integer(record.files.count))]))"
            )
        }
        guard !isQuiet else { return }
        try program.output.print(
            """
            pulled   \(entry.id)  \(record.files.count) files, \(Numbers.bytes(record.byteCount)), \
            commit \(record.commit.prefix(12))
            folder   \(model.folder)
            next     wan-infer --model \(entry.id)
            """)
    }

    /// Brings the model, or says why not.
    func fetch() throws(VideoError) -> PulledModel {
        guard let repository = entry.repository else {
            throw .invalid("\(entry.id) is in the binary", hint: "leave --pull out")
        }
        let shelf = try ModelsCommand.shelf()
        if let terms = entry.licenceTerms, !isQuiet {
            program.errors.write("wan-infer: \(entry.id) is under the \(entry.licence): \(terms)\n")
        }
        let pin = try ModelsCommand.pin(entry, shelf)
        let order = ModelPull.Order(
            model: entry.id, repository: repository, revision: revision ?? pin?.revision ?? "main",
            pinned: pin?.files ?? [:])
        let display = PullDisplay(isQuiet ? .none : PullDisplay.style(program.errors), program: program)
        defer { display.finish() }
        return try ModelsCommand.hub { () throws(HubError) in
            try ModelPull(order, shelf.settings).run(display.show)
        }
    }

    /// Brings the model that the words ask for, where it is not on this machine; all other words are looked at first.
    static func fetchMissing(for arguments: ParsedArguments, program: Program) throws(VideoError) {
        if arguments.command == .generate { _ = try GenerateOptions(arguments, isToFetch: true) }
        if arguments.command == .serve { _ = try ServeCommand(arguments, program: program, isToFetch: true) }
        let text = arguments.values["model"]
        let source = try ModelsCommand.source(text, toPlan: true)
        if case .files(let places) = source, let path = places.model, path != text || Machine.exists(path) { return }
        guard case .published(let id) = source, let entry = try ModelsCommand.manifest().entry(named: id) else {
            throw .invalid(
                "--pull needs a model that can be fetched, got '\(OptionValues.shown(text ?? BuiltInModel.name))'",
                hint: "\(.models) lists their names")
        }
        let command = PullCommand(entry, revision: nil, program: program, isQuiet: arguments.has("quiet"))
        _ = try command.fetch()
    }
}
