import Backends
import VideoProvider
import VideoTypes
import Weights

/// Lists the models there are.
struct ModelsCommand {
    let program: Program
    let json: Bool

    func run() throws(VideoError) {
        let models = try Self.manifest().models
        try program.output.print(json ? "\(Self.json(models))" : Self.table(models))
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
        guard !Machine.exists(text), let entry = try manifest().entry(named: text) else { return .folder(text) }
        guard let repository = entry.repository else { return .builtIn }
        guard entry.folder != nil else {
            throw VideoError(.modelNotFound, "\(entry.id) cannot be run yet", hint: "\(.models) says which can")
        }
        if toPlan { return .published(entry.id) }
        let folder = repository.split(separator: "/").last.map(String.init) ?? repository
        throw VideoError(
            .modelNotFound, "\(entry.id) is not on this machine as a folder '\(text)'",
            remedies: [
                "fetch it: hf download \(repository) --local-dir \(folder) (\(size(entry)))", "then \(.model, folder)",
            ])
    }

    /// What there is to fetch: the manifest knows how many numbers, not how each is stored.
    static func size(_ entry: Manifest.Entry) -> String {
        "\(Numbers.bytes(2 * entry.parameters)) in 16 bits, twice that in 32"
    }

    static func table(_ models: [Manifest.Entry]) -> String {
        let rows = models.map { entry in
            let defaults = entry.defaults
            return [
                entry.id, entry.task.rawValue, "\(defaults.width)x\(defaults.height)", "\(defaults.frames)",
                Numbers.parameters(entry.parameters),
                entry.licence, entry.status.rawValue, entry.repository ?? "",
            ]
        }
        let all = [["model", "task", "size", "frames", "parameters", "licence", "status", "repository"]] + rows
        let widths = all[0].indices.map { column in all.map { $0[column].count }.max() ?? 0 }
        return all.map { row in
            let line = zip(row, widths).map { $0 + String(repeating: " ", count: $1 - $0.count) }
                .joined(separator: "  ")
            let end = line.lastIndex { $0 != " " } ?? line.startIndex
            return String(line[...end])
        }.joined(separator: "\n")
    }

    static func json(_ models: [Manifest.Entry]) -> JSONText {
        .array(
            models.map { entry in
                .object([
                    ("model", .string(entry.id)),
                    ("task", .string(entry.task.rawValue)),
                    ("repository", entry.repository.map(JSONText.string) ?? .null),
                    ("licence", .string(entry.licence)),
                    ("parameters", .integer(entry.parameters)),
                    ("status", .string(entry.status.rawValue)),
                    ("width", .integer(entry.defaults.width)),
                    ("height", .integer(entry.defaults.height)),
                    ("frames", .integer(entry.defaults.frames)),
                    ("fps", .integer(entry.defaults.fps)),
                    ("steps", .integer(entry.defaults.steps)),
                    ("guidance", .number(entry.defaults.guidance)),
                    ("notes", entry.notes.map(JSONText.string) ?? .null),
                ])
            })
    }
}
