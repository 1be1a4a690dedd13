import StrictJSON
import VideoTypes

/// Which files of a model in the Diffusers layout the engine reads: none twice, in no other precision.
struct NeededFiles {
    /// How errors name the model.
    let name: String
    /// All paths there are.
    let paths: Set<String>

    /// Folders of weights, and whether every model has them.
    private static let weightFolders = [
        ("transformer", true), ("transformer_2", false), ("text_encoder", true), ("vae", true),
        ("image_encoder", false),
    ]
    private static let weightNames = ["diffusion_pytorch_model.safetensors", "model.safetensors"]
    private static let indexEnding = ".index.json"

    /// Configurations, tokenizer and lists of shards: what says what else is needed.
    func first() throws(HubError) -> [String] {
        var found = ["model_index.json", "scheduler/scheduler_config.json"]
        for path in found where !paths.contains(path) { throw .fileMissing(repository: name, path: path) }
        let tokenizer = ["tokenizer/tokenizer.json", "tokenizer/spiece.model"]
        guard let vocabulary = tokenizer.first(where: paths.contains) else {
            throw .fileMissing(repository: name, path: tokenizer[0])
        }
        found.append(vocabulary)
        let others = ["tokenizer/tokenizer_config.json", "image_processor/preprocessor_config.json"]
        found += others.filter(paths.contains)
        for folder in try folders() {
            guard paths.contains(folder + "/config.json") else {
                throw .fileMissing(repository: name, path: folder + "/config.json")
            }
            found.append(folder + "/config.json")
            if let index = index(folder) { found.append(index) }
        }
        return found
    }

    /// The weights, by what the lists of shards say.
    ///
    /// - Parameter read: the bytes of one of the first files.
    func weights(_ read: (_ path: String) throws(HubError) -> [UInt8]) throws(HubError) -> [String] {
        var found: [String] = []
        for folder in try folders() {
            if let index = index(folder) {
                for shard in try shards(try read(index), index: index) {
                    guard paths.contains("\(folder)/\(shard)") else {
                        throw .fileMissing(repository: name, path: "\(folder)/\(shard)")
                    }
                    found.append("\(folder)/\(shard)")
                }
            } else if let single = Self.weightNames.first(where: { paths.contains("\(folder)/\($0)") }) {
                found.append("\(folder)/\(single)")
            } else {
                let others = paths.filter { $0.hasPrefix(folder + "/") && !$0.hasSuffix(".json") }.sorted()
                throw .noWeights(repository: name, folder: folder, others: Array(others.prefix(5)))
            }
        }
        return found
    }

    private func folders() throws(HubError) -> [String] {
        var found: [String] = []
        for (folder, isNeeded) in Self.weightFolders {
            if paths.contains(where: { $0.hasPrefix(folder + "/") }) {
                found.append(folder)
            } else if isNeeded {
                throw .fileMissing(repository: name, path: folder + "/config.json")
            }
        }
        return found
    }

    private func index(_ folder: String) -> String? {
        Self.weightNames.map { "\(folder)/\($0)\(Self.indexEnding)" }.first(where: paths.contains)
    }

    /// The shards that an index names, each once.
    private func shards(_ bytes: [UInt8], index: String) throws(HubError) -> [String] {
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(bytes)
        } catch {
            throw .failed(.init(.weightsInvalid, "\(name): \(index) is not JSON at byte \(error.offset)"))
        }
        guard case .object(let map) = value["weight_map"], !map.isEmpty else {
            throw .failed(.init(.weightsInvalid, "\(name): \(index) has no 'weight_map'"))
        }
        var names: Set<String> = []
        for entry in map.values {
            guard let shard = entry.string, HubPath.isSafe(shard), !shard.contains("/"), shard.hasSuffix(".safetensors")
            else {
                throw .failed(
                    .init(
                        .weightsInvalid,
                        "\(name): \(index) names '\(entry.text.printable)', which is no safetensors file beside it"))
            }
            names.insert(shard)
        }
        return names.sorted()
    }
}
