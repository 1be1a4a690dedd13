import Compute
import FoundationEssentials
import Pipelines
import StrictJSON
import TestSupport
import TestTools
import Testing
import VideoTypes
import Weights

/// The same model in the layouts that people have, as `make_layouts.py` writes them into the folder that WAN_LAYOUTS
/// names: each loads to the tensors beside it, or is refused in the words beside it.
@Suite(.bounded(minutes: 20)) struct LayoutTests {
    private static let folders: [String] = {
        guard let root = ProcessInfo.processInfo.environment["WAN_LAYOUTS"] else { return [] }
        let found = (try? FileManager.default.subpathsOfDirectory(atPath: root)) ?? []
        return found.filter { $0.hasSuffix("/layout.json") }.sorted().map { "\(root)/\($0.dropLast(12))" }
    }()

    private struct Layout: Decodable {
        let args: [String]
        let expect: String
        let mentions: [String]
    }

    private static let parts: [String: ModelPart] = [
        "--transformer": .transformer, "--transformer-2": .transformer2, "--vae": .vae,
        "--text-encoder": .textEncoder, "--image-encoder": .imageEncoder, "--tokenizer": .tokenizer,
    ]

    private static func places(_ layout: Layout, in folder: String) -> ModelPlaces {
        var places = ModelPlaces()
        for index in stride(from: 0, to: layout.args.count - 1, by: 2) {
            let path = layout.args[index + 1].replacing("{model}", with: "\(folder)/model")
            if let part = parts[layout.args[index]] { places.parts[part] = path } else { places.model = path }
        }
        return places
    }

    @Test(arguments: folders) func `a layout loads to its model or is refused in words`(_ folder: String) throws {
        let layout = try JSONDecoder().decode(
            Layout.self, from: Data(contentsOf: URL(filePath: "\(folder)/layout.json")))
        do throws(VideoError) {
            let found = try ModelFiles(Self.places(layout, in: folder)).folder()
            _ = try Families.open(found)
            #expect(layout.expect != "refuse", "\(folder) was taken")
            guard layout.expect != "refuse" else { return }
            let problems = Self.problems(found, "\(folder)/expected")
            #expect(problems.isEmpty, "\(folder): \(problems.prefix(5))")
            print("LAYOUT \(problems.isEmpty ? "equal" : "DIFFERS") \(folder)")
        } catch {
            let text = "\(error.message); \(error.hint ?? "")"
            let isSaid = layout.mentions.contains { text.contains($0) }
            #expect(layout.expect != "run" && isSaid, "\(folder): \(text)")
            print("LAYOUT \(layout.expect != "run" && isSaid ? "refused" : "WRONG") \(folder): \(text)")
        }
    }

    /// What of the expected folder's tensors is not the same in the one that was found.
    private static func problems(_ found: ModelFolder, _ expected: String) -> [String] {
        var problems: [String] = []
        do {
            let folder = try ModelFolder(path: expected)
            for part in ModelPart.allCases where folder.isFolder(part.rawValue) && part != .tokenizer {
                let (wanted, own) = (try Checkpoint(folder, part.rawValue), try Checkpoint(found, part.rawValue))
                for key in wanted.keys.sorted() {
                    let shape = wanted.shape(of: key) ?? []
                    let prefix =
                        own.root.contains(key) || !own.root.contains("vision_model.\(key)") ? "" : "vision_model."
                    let (one, other) = (try wanted.root.tensor(key, shape), try own.root.tensor(prefix + key, shape))
                    if Self.floats(one) != Self.floats(other) { problems.append("\(part.rawValue): \(key)") }
                }
            }
        } catch {
            problems.append("\(error)")
        }
        return problems
    }

    private static func floats(_ tensor: StoredTensor) -> [Float] {
        switch tensor.dtype {
        case .f32: tensor.bytes.floats
        case .bf16: halves(tensor).map { Float(bitPattern: UInt32($0) << 16) }
        default: halves(tensor).map { Float(Float16(bitPattern: $0)) }
        }
    }

    private static func halves(_ tensor: StoredTensor) -> [UInt16] {
        let bytes = tensor.bytes.copied
        return (0..<bytes.count / 2).map { UInt16(bytes[2 * $0]) | UInt16(bytes[2 * $0 + 1]) << 8 }
    }
}
