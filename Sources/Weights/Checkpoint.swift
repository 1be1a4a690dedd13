package import Compute
import StrictJSON

/// The weights of one component: a safetensors file, or an index and its shards.
///
/// It remembers which tensors have been asked for, and is confined to the thread that builds the model.
package final class Checkpoint {
    /// Longest shard index accepted, in bytes.
    package static let indexLimit = 64 << 20

    /// How errors name it: the single file, or the index.
    package let file: String
    private let shards: [Safetensors]
    /// The shard that holds each key.
    private let places: [String: Int]
    private var used: Set<String> = []
    private let watch: Watch?

    /// Told how many tensors have been asked for, of all there are; may end the loading with `interrupted`.
    package typealias Watch = (_ taken: Int, _ count: Int) throws(WeightError) -> Void

    /// The weights in `component` ("transformer", "vae"; empty for the model's root) of a model's folder.
    package init(_ folder: ModelFolder, _ component: String, watch: Watch? = nil) throws(WeightError) {
        self.watch = watch
        let prefix = component.isEmpty ? "" : component + "/"
        let single = ["diffusion_pytorch_model.safetensors", "model.safetensors"]
        for name in single where folder.exists(prefix + name + ".index.json") {
            let index = prefix + name + ".index.json"
            file = folder.fullName(index)
            (shards, places) = try Self.openShards(folder, prefix: prefix, index: index)
            return
        }
        for name in single where folder.exists(prefix + name) {
            file = folder.fullName(prefix + name)
            let shard = try Safetensors(try folder.bytes(prefix + name), file: file)
            shards = [shard]
            places = shard.entries.mapValues { _ in 0 }
            return
        }
        throw .noWeights(
            folder: component.isEmpty ? folder.name : folder.fullName(component),
            looked: single + single.map { $0 + ".index.json" },
            others: folder.names(in: component).filter(Self.looksLikeWeights))
    }

    /// The weights in one file.
    package init(_ bytes: HostBytes, file: String) throws(WeightError) {
        let shard = try Safetensors(bytes, file: file)
        watch = nil
        self.file = file
        shards = [shard]
        places = shard.entries.mapValues { _ in 0 }
    }

    /// All keys, in no order.
    package var keys: some Collection<String> { places.keys }

    /// Bytes of all tensors.
    package var byteCount: Int {
        shards.reduce(0) { $0 + $1.entries.values.reduce(0) { $0 + $1.range.count } }
    }

    /// The scope that sees every key.
    package var root: WeightScope { WeightScope(checkpoint: self, prefix: "") }

    /// The shape of the tensor under `key`, which stays unused; nil where there is none.
    package func shape(of key: String) -> [Int]? {
        places[key].flatMap { shards[$0].entries[key]?.shape }
    }

    /// The tensor under `key`, from now on used.
    func take(_ key: String) throws(WeightError) -> StoredTensor {
        guard let place = places[key] else { throw .missing(key: key, file: file) }
        let tensor = try shards[place].tensor(key)
        used.insert(key)
        try watch?(used.count, places.count)
        return tensor
    }

    /// Throws if there are keys that nobody took and no pattern covers.
    package func assertAllUsed(ignoring ignored: [IgnoredKey] = []) throws(WeightError) {
        let left = places.keys.filter { key in !used.contains(key) && !ignored.contains { $0.covers(key) } }
        guard !left.isEmpty else { return }
        throw .unused(keys: Array(left.sorted().prefix(5)), count: left.count, file: file)
    }

    private static func openShards(
        _ folder: ModelFolder, prefix: String, index: String
    ) throws(WeightError) -> ([Safetensors], [String: Int]) {
        let file = folder.fullName(index)
        let listed = try weightMap(folder, index)
        let names = Set(listed.values).sorted()
        var shards: [Safetensors] = []
        var places: [String: Int] = [:]
        for name in names {
            guard folder.exists(prefix + name) else {
                throw .shardMissing(file: folder.fullName(prefix + name), index: file)
            }
            let shard = try Safetensors(try folder.bytes(prefix + name), file: folder.fullName(prefix + name))
            for key in shard.entries.keys {
                guard let home = listed[key] else {
                    throw .badIndex(file: file, key: key, problem: .notListed(shard: name))
                }
                guard home == name else {
                    throw .badIndex(file: file, key: key, problem: .listedElsewhere(shard: name, listed: home))
                }
                places[key] = shards.count
            }
            shards.append(shard)
        }
        for (key, name) in listed where places[key] == nil {
            throw .badIndex(file: file, key: key, problem: .absentFrom(shard: name))
        }
        return (shards, places)
    }

    private static func weightMap(_ folder: ModelFolder, _ index: String) throws(WeightError) -> [String: String] {
        let file = folder.fullName(index)
        let bytes = try folder.bytes(index)
        guard bytes.count <= indexLimit else {
            throw .fileTooLarge(file: file, bytes: bytes.count, limit: indexLimit)
        }
        var listed: [String: String]?
        do throws(JSONError) {
            var scanner = try JSONScanner(bytes.copied)
            try scanner.openObject()
            while let field = try scanner.nextKey() {
                guard field == "weight_map" else {
                    try scanner.skipValue()
                    continue
                }
                var map: [String: String] = [:]
                try scanner.openObject()
                while let key = try scanner.nextKey() {
                    guard map.updateValue(try scanner.string(), forKey: key) == nil else {
                        throw scanner.error(.duplicateKey(key))
                    }
                }
                listed = map
            }
            try scanner.end()
        } catch {
            throw .badJSON(file: file, offset: error.offset, problem: error.problem)
        }
        guard let listed, !listed.isEmpty else { throw .badIndex(file: file, key: "", problem: .noWeightMap) }
        for (key, name) in listed where !isShardName(name) {
            throw .badIndex(file: file, key: key, problem: .unsafeName(name))
        }
        return listed
    }

    private static func looksLikeWeights(_ name: String) -> Bool {
        [".safetensors", ".safetensors.index.json", ".bin", ".pt", ".pth", ".ckpt", ".gguf"].contains {
            name.hasSuffix($0)
        }
    }

    private static func isShardName(_ name: String) -> Bool {
        name.hasSuffix(".safetensors") && !name.hasPrefix(".") && name.utf8.count <= 255
            && name.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") }
    }
}

/// Keys that a model leaves alone on purpose.
package struct IgnoredKey: Sendable {
    /// A key, or its beginning followed by `*`.
    package let pattern: String
    package let reason: String

    package init(_ pattern: String, reason: String) {
        self.pattern = pattern
        self.reason = reason
    }

    func covers(_ key: String) -> Bool {
        pattern.hasSuffix("*") ? key.hasPrefix(pattern.dropLast()) : key == pattern
    }
}
