import FoundationEssentials
import Glibc

/// The published models' folders with every tensor's name and shape, but zeros for numbers: files of many gigabytes
/// that take almost no room on disk.
package struct SparseModel: Decodable {
    package struct Component: Decodable {
        /// The configuration as JSON text.
        package let config: String
        package let dtype: String
        /// `name|count|shape`; `{}` in the name stands for the numbers below count.
        package let tensors: [String]

        /// Every tensor's name and shape.
        package var shapes: [(name: String, shape: [Int])] {
            tensors.flatMap { line -> [(name: String, shape: [Int])] in
                let parts = line.split(separator: "|", omittingEmptySubsequences: false)
                let shape = parts[2].split(separator: ",").compactMap { Int($0) }
                return (0..<(Int(parts[1]) ?? 0)).map {
                    (String(parts[0]).replacing("{}", with: String($0)), shape)
                }
            }
        }
    }

    package struct Model: Decodable {
        package let index: String
        package let scheduler: String
        /// Of the image encoder.
        package let processor: String?
        /// Folder in the model to component.
        package let components: [String: String]
    }

    package let components: [String: Component]
    package let models: [String: Model]

    package init(path: String) throws {
        self = try JSONDecoder().decode(SparseModel.self, from: Data(contentsOf: URL(filePath: path)))
    }

    /// Writes the folder of model `name`, in shards of at most `shardBytes`.
    package func write(_ name: String, to folder: String, shardBytes: Int = 10_000_000_000) throws {
        guard let model = models[name] else { throw GoldenError.absent(name: name) }
        try Self.put(model.index, at: folder, "model_index.json")
        try Self.put(model.scheduler, at: folder + "/scheduler", "scheduler_config.json")
        if let processor = model.processor {
            try Self.put(processor, at: folder + "/image_processor", "preprocessor_config.json")
        }
        for (part, name) in model.components {
            guard let component = components[name] else { throw GoldenError.absent(name: name) }
            let isEncoder = part.hasSuffix("_encoder")
            try Self.put(component.config, at: "\(folder)/\(part)", "config.json")
            try Self.write(
                component, to: "\(folder)/\(part)", stem: isEncoder ? "model" : "diffusion_pytorch_model",
                shardBytes: shardBytes)
        }
    }

    private static func write(_ component: Component, to folder: String, stem: String, shardBytes: Int) throws {
        let width = component.dtype == "F32" ? 4 : 2
        var shards: [[(name: String, shape: [Int])]] = [[]]
        var filled = 0
        for tensor in component.shapes {
            let bytes = tensor.shape.reduce(width, *)
            if filled + bytes > shardBytes, filled > 0 {
                shards.append([])
                filled = 0
            }
            shards[shards.count - 1].append(tensor)
            filled += bytes
        }
        guard shards.count > 1 else {
            return try writeShard(shards[0], component.dtype, width, to: "\(folder)/\(stem).safetensors")
        }
        var places: [String] = []
        for (index, shard) in shards.enumerated() {
            let name = "\(stem)-\(index + 1)-of-\(shards.count).safetensors"
            try writeShard(shard, component.dtype, width, to: "\(folder)/\(name)")
            places += shard.map { "\"\($0.name)\":\"\(name)\"" }
        }
        try put("{\"weight_map\":{\(places.joined(separator: ","))}}", at: folder, "\(stem).safetensors.index.json")
    }

    private static func writeShard(
        _ tensors: [(name: String, shape: [Int])], _ dtype: String, _ width: Int, to path: String
    ) throws {
        var offset = 0
        let fields = tensors.map { tensor -> String in
            let end = offset + tensor.shape.reduce(width, *)
            defer { offset = end }
            let shape = tensor.shape.map(String.init).joined(separator: ",")
            return
                "\"\(tensor.name)\":{\"dtype\":\"\(dtype)\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}"
        }
        var header = "{\(fields.joined(separator: ","))}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let length = header.utf8.count
        let bytes = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8)
        try Data(bytes).write(to: URL(filePath: path))
        guard unsafe truncate(path, 8 + length + offset) == 0 else { throw GoldenError.absent(name: path) }
    }

    private static func put(_ text: String, at folder: String, _ name: String) throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
    }
}
