import StrictJSON
import VideoProvider
import VideoTypes

/// Says what the files of a model are, without loading them.
struct InspectCommand {
    let places: ModelPlaces
    let program: Program
    let json: Bool
    /// Whether every tensor is listed.
    let isVerbose: Bool

    func run() throws(VideoError) {
        let found = try ModelInspection(places)
        try program.output.print(json ? "\(Self.json(found))" : Self.text(found, isVerbose: isVerbose))
    }

    static func text(_ found: ModelInspection, isVerbose: Bool) -> String {
        var lines = ["model       \(found.model?.printable ?? "not told")", "layout      \(found.arrangement)"]
        for part in found.parts {
            let dtypes = part.dtypes.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
                .map { "\($0.value) \($0.key)" }.joined(separator: ", ")
            let shards = part.files > 1 ? ", \(part.files) shards" : ""
            let prefix = part.prefix.isEmpty ? "" : " below '\(part.prefix)'"
            lines.append("\(part.part.words): \(part.file)")
            lines.append("            \(part.format)\(shards), \(part.names)\(prefix)")
            lines.append("            \(part.tensors.count) tensors, \(Numbers.bytes(part.byteCount)): \(dtypes)")
            let reasons = part.unused.reduce(into: [:]) { $0[$1.unused ?? "", default: [String]()].append($1.key) }
            for (reason, keys) in reasons.sorted(by: { $0.key < $1.key }) {
                let names = keys.prefix(3).map { "'\($0.printable)'" }.joined(separator: ", ")
                lines.append("            unused, \(reason): \(names)\(keys.count > 3 ? ", \(keys.count) in all" : "")")
            }
            guard isVerbose else { continue }
            for tensor in part.tensors {
                let use = tensor.unused.map { "unused: \($0)" } ?? tensor.names.joined(separator: " + ")
                lines.append("  \(tensor.file): \(tensor.key.printable) \(tensor.dtype) \(tensor.shape) -> \(use)")
            }
        }
        for stranger in found.strangers { lines.append("left out    \(stranger.file): \(stranger.reason)") }
        if !found.missing.isEmpty {
            lines.append("missing     \(found.missing.map(\.words).joined(separator: ", "))")
        }
        if let problem = found.problem {
            lines.append("does not run: \(problem.commandMessage)")
            if let hint = problem.commandHint { lines.append("  hint: \(hint)") }
        }
        return lines.joined(separator: "\n")
    }

    static func json(_ found: ModelInspection) -> JSONText {
        let problem = found.problem.map { error -> JSONText in
            .object([
                ("message", .string(error.commandMessage)), ("hint", error.commandHint.map(JSONText.string) ?? .null),
            ])
        }
        return .object([
            ("model", found.model.map(JSONText.string) ?? .null), ("layout", .string(found.arrangement)),
            ("parts", .array(found.parts.map(json))),
            ("missing", .array(found.missing.map { .string($0.rawValue) })),
            (
                "left_out",
                .array(
                    found.strangers.map { .object([("file", .string($0.file)), ("reason", .string($0.reason))]) })
            ),
            ("problem", problem ?? .null),
        ])
    }

    private static func json(_ part: ModelInspection.Part) -> JSONText {
        .object([
            ("part", .string(part.part.rawValue)), ("file", .string(part.file)), ("format", .string(part.format)),
            ("names", .string(part.names)), ("prefix", .string(part.prefix)), ("bytes", .integer(part.byteCount)),
            (
                "tensors",
                .array(
                    part.tensors.map { tensor in
                        .object([
                            ("name", .string(tensor.key)), ("file", .string(tensor.file)),
                            ("dtype", .string(tensor.dtype)), ("shape", .array(tensor.shape.map(JSONText.integer))),
                            ("used_as", .array(tensor.names.map(JSONText.string))),
                            ("unused", tensor.unused.map(JSONText.string) ?? .null),
                        ])
                    })
            ),
        ])
    }
}
