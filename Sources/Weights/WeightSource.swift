import Compute
import StrictJSON

/// Where the weights of one part of a model are, a file or the shards of an index, and how the tensors are called.
package struct WeightSource: Sendable {
    /// Longest shard index accepted, in bytes.
    package static let indexLimit = 64 << 20

    /// How errors name it: the single file, or the index.
    package let file: String
    package let files: [any TensorFile]
    /// In front of the names of all tensors of this part.
    package var prefix = ""
    package var table = KeyTable.own

    /// One file.
    package init(_ file: any TensorFile) throws(WeightError) {
        self.file = file.file
        files = try ScaledFile.scaled([file])
    }

    /// The same tensors, called otherwise.
    package func named(by table: KeyTable, below prefix: String) -> WeightSource {
        var source = self
        source.table = table
        source.prefix = prefix
        return source
    }

    /// All stored names.
    package var keys: [String] { files.flatMap { $0.entries.keys } }

    /// What the files say of a stored tensor; nil where there is none.
    package func entry(_ key: String) -> TensorEntry? {
        for file in files {
            if let entry = file.entries[key] { return entry }
        }
        return nil
    }

    /// The weights in `component` ("transformer"; empty for the folder's root) of a folder of Diffusers.
    package init(_ folder: ModelFolder, _ component: String) throws(WeightError) {
        if let source = folder.weights[component] {
            self = source
            return
        }
        let prefix = component.isEmpty ? "" : component + "/"
        let plain = Self.plainNames.filter { folder.exists(prefix + $0) }
        let names = plain.isEmpty ? Self.variants(folder.names(in: component)) : plain
        guard let name = names.first, !plain.isEmpty || names.count == 1 else {
            throw .noWeights(
                folder: component.isEmpty ? folder.name : folder.fullName(component), looked: Self.plainNames,
                others: folder.names(in: component).filter(Self.looksLikeWeights))
        }
        try self.init(folder, path: prefix + name)
    }

    /// The file or index at `path` of a folder.
    package init(_ folder: ModelFolder, path: String) throws(WeightError) {
        file = folder.fullName(path)
        guard path.hasSuffix(".json") else {
            files = try ScaledFile.scaled([TensorFiles.open(folder.bytes(path), file: file)])
            return
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        files = try ScaledFile.scaled(
            Self.openShards(folder, prefix: parts.map { $0 + "/" }.joined(), index: path))
    }

    /// In the order in which one is preferred to another.
    private static let plainNames = ["safetensors", "bin"].flatMap { ending in
        ["diffusion_pytorch_model", "model", "pytorch_model"].flatMap { stem in
            ["\(stem).\(ending).index.json", "\(stem).\(ending)"]
        }
    }

    /// Names with a word for the precision: `model.fp16.safetensors`, or an index of such files in their place.
    private static func variants(_ names: [String]) -> [String] {
        func isVariant(_ name: String) -> Bool {
            let parts = name.split(separator: ".")
            guard let stem = parts.first, ["diffusion_pytorch_model", "model", "pytorch_model"].contains(stem) else {
                return false
            }
            return parts.count == 3 && ["safetensors", "bin"].contains(parts[2])
                || parts.count == 5 && parts[1...2] == ["safetensors", "index"] && parts[4] == "json"
                || parts.count == 5 && parts[2...4] == ["safetensors", "index", "json"]
        }
        return names.filter(isVariant)
    }

    private static func looksLikeWeights(_ name: String) -> Bool {
        TensorFiles.endings.contains { name.hasSuffix($0) || name.hasSuffix("\($0).index.json") }
    }
}

// MARK: shards

extension WeightSource {
    private static func openShards(
        _ folder: ModelFolder, prefix: String, index: String
    ) throws(WeightError) -> [any TensorFile] {
        let file = folder.fullName(index)
        let listed = try weightMap(folder, index)
        var shards: [any TensorFile] = []
        var found: Set<String> = []
        for name in Set(listed.values).sorted() {
            guard folder.exists(prefix + name) else {
                throw .shardMissing(file: folder.fullName(prefix + name), index: file)
            }
            let shard = try TensorFiles.open(folder.bytes(prefix + name), file: folder.fullName(prefix + name))
            for key in shard.entries.keys {
                guard let home = listed[key] else {
                    throw .badIndex(file: file, key: key, problem: .notListed(shard: name))
                }
                guard home == name else {
                    throw .badIndex(file: file, key: key, problem: .listedElsewhere(shard: name, listed: home))
                }
                found.insert(key)
            }
            shards.append(shard)
        }
        for (key, name) in listed.sorted(by: { $0.key < $1.key }) where !found.contains(key) {
            throw .badIndex(file: file, key: key, problem: .absentFrom(shard: name))
        }
        return shards
    }

    /// The shard of each tensor.
    package static func weightMap(_ folder: ModelFolder, _ index: String) throws(WeightError) -> [String: String] {
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

    private static func isShardName(_ name: String) -> Bool {
        TensorFiles.endings.contains { name.hasSuffix($0) } && !name.hasPrefix(".") && name.utf8.count <= 255
            && name.utf8.allSatisfy { $0 >= 0x20 && $0 != UInt8(ascii: "/") && $0 != UInt8(ascii: "\\") }
    }
}
