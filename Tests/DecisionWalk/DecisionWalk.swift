import CProcess
import Compute
import ComputeCPU
import FoundationEssentials
import Pipelines
import TestSupport
import VideoProvider
import VideoTypes
import Weights

/// Runs the models that we know, at their default sizes and computing nothing, and says who would compute each product,
/// convolution and reorder in this process: `asked`, tab, `chosen`.
///
///     decision-walk real-shapes.json TOKENIZER [--brief] [--onednn-first] [--accept-loops] [MODEL …]
///
/// `--brief` leaves out what asks for little else: models of the same parts in other sizes, tiles, bf16 where oneDNN
/// has none.
/// `--onednn-first` leaves to CKernels only what oneDNN has no kernel for, `--accept-loops` not even that.
@main enum DecisionWalk {
    static func main() throws {
        // Its parent may be a test that was killed, and nobody else waits for so long an answer.
        _ = process_die_with_parent()
        var words = Array(CommandLine.arguments.dropFirst())
        let switches = words.filter { $0.hasPrefix("--") }
        words.removeAll { $0.hasPrefix("--") }
        guard words.count >= 2 else { fatalError("decision-walk SHAPES TOKENIZER [MODEL …]") }
        let shapes = try SparseModel(path: words[0])
        var decisions: [String: String] = [:]
        let isBrief = switches.contains("--brief")
        let known = isBrief ? ["wan2.1-t2v-1.3b", "wan2.2-ti2v-5b", "cogvideox-2b"] : shapes.models.keys.sorted()
        let dtypes: [DType] = isBrief && !CPUBackend.hasNativeBF16 ? [.f32] : [.f32, .bf16]
        let names = words.count > 2 ? Array(words[2...]) : [BuiltInModel.name] + known
        for name in names {
            let folder = try TemporaryFolder()
            var (source, files) = (ModelSource.builtIn, BuiltInModel.folder)
            if name != BuiltInModel.name {
                try shapes.write(name, to: folder.path)
                try FileManager.default.copyItem(atPath: words[1], toPath: folder.file("tokenizer"))
                source = .folder(folder.path)
                files = try ModelFolder(path: folder.path)
            }
            let model = try Families.open(files)
            var request = VideoRequest(prompt: "a lighthouse on a cliff at dusk")
            // With as many steps, both experts get one.
            let hasExperts = FileManager.default.fileExists(atPath: folder.file("transformer_2"))
            (request.steps, request.seed) = (hasExperts ? 3 : 1, 1)
            var requests = [request]
            if name != BuiltInModel.name, !isBrief, model.pictures.needed.isEmpty {
                // Two tiles, of few frames: they are blended on the host.
                (request.width, request.height, request.frames, request.tilesVAE) = (448, 256, 5, true)
                requests.append(request)
            }
            for request in requests {
                let settings = try VideoPlanner(source).plan(forecasting: request).settings
                for dtype in dtypes { try decisions.merge(walk(model, settings, dtype, switches)) { $1 } }
            }
        }
        for (asked, chosen) in decisions.sorted(by: { $0.key < $1.key }) { print("\(asked)\t\(chosen)") }
    }

    private static func walk(
        _ model: any VideoModel, _ settings: VideoSettings, _ dtype: DType, _ switches: [String]
    ) throws -> [String: String] {
        let backend = try CPUBackend(threads: 2)
        let picture = Frame(width: 1, height: 1, pixels: [0, 0, 0])
        if switches.contains("--onednn-first") { backend.ownProductLimit = 0 }
        if switches.contains("--accept-loops") { backend.acceptsImplementation = { _ in true } }
        backend.onlyDecide()
        try model.pipeline(on: backend, dtype: dtype)
            .generate(
                settings, pictures: Dictionary(uniqueKeysWithValues: settings.inputs.map { ($0.role, picture) }),
                checkpoint: nil, report: { _ in true }, dump: nil, emit: { _ in })
        return backend.decisions
    }
}
