import FoundationEssentials
import Glibc
import Weights

/// A tiny Wan model whose transformer has another shape: as large as one likes beside parts that take next to nothing.
package struct WideModel {
    package var blocks: Int
    package var heads: Int
    /// Of each head.
    package var width: Int
    package var hidden: Int
    /// Whether its weights are random: else they are zeros that take no room on the disk.
    package var isFilled: Bool

    package init(blocks: Int, heads: Int, width: Int, hidden: Int, isFilled: Bool = true) {
        self.blocks = blocks
        self.heads = heads
        self.width = width
        self.hidden = hidden
        self.isFilled = isFilled
    }

    /// Writes the model at `source`, with a transformer in f32 of this shape, to `folder`.
    package func write(_ source: String, to folder: String) throws {
        let files = FileManager.default
        for name in try files.contentsOfDirectory(atPath: source) where name != "transformer" {
            try DeepModel.copy("\(source)/\(name)", to: "\(folder)/\(name)")
        }
        try files.createDirectory(atPath: "\(folder)/transformer", withIntermediateDirectories: true)
        let path = "\(source)/transformer/config.json"
        let config = try String(contentsOf: URL(filePath: path), encoding: .utf8)
        func number(_ name: String) throws -> Int {
            guard let line = config.split(separator: "\n").first(where: { $0.contains("\"\(name)\"") }),
                let number = Int(line.filter { $0.isNumber })
            else { throw GoldenError.absent(name: name) }
            return number
        }
        let dim = heads * width
        let old = try (dim: number("num_attention_heads") * number("attention_head_dim"), hidden: number("ffn_dim"))
        var tensors: [(name: String, shape: [Int])] = []
        var block = tensors
        let checkpoint = try Checkpoint(ModelFolder(path: source), "transformer")
        for key in checkpoint.keys.sorted() where !key.hasPrefix("blocks.") || key.hasPrefix("blocks.0.") {
            let shape = (checkpoint.shape(of: key) ?? []).map { extent in
                extent == old.hidden ? hidden : extent % old.dim == 0 ? extent / old.dim * dim : extent
            }
            if let rest = key.wholeMatch(of: /blocks\.0\.(.*)/)?.1 {
                block.append((String(rest), shape))
            } else {
                tensors.append((key, shape))
            }
        }
        // One block behind the other, as in the files of real models.
        for index in 0..<blocks { tensors += block.map { ("blocks.\(index).\($0.name)", $0.shape) } }
        try writeFile(tensors, to: "\(folder)/transformer/diffusion_pytorch_model.safetensors")
        let changed: [(String, Int)] = [
            ("num_layers", blocks), ("num_attention_heads", heads), ("attention_head_dim", width),
            ("ffn_dim", hidden), ("freq_dim", dim),
        ]
        let lines = config.split(separator: "\n").map { line -> String in
            guard let (name, value) = changed.first(where: { line.contains("\"\($0.0)\"") }) else {
                return String(line)
            }
            return "  \"\(name)\": \(value)" + (line.hasSuffix(",") ? "," : "")
        }
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: "\(folder)/transformer/config.json"))
    }

    private func writeFile(_ tensors: [(name: String, shape: [Int])], to path: String) throws {
        var offset = 0
        let fields = tensors.map { name, shape -> String in
            let end = offset + shape.reduce(4, *)
            defer { offset = end }
            let extents = shape.map(String.init).joined(separator: ",")
            return "\"\(name)\":{\"dtype\":\"F32\",\"shape\":[\(extents)],\"data_offsets\":[\(offset),\(end)]}"
        }
        var header = "{\(fields.joined(separator: ","))}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let length = header.utf8.count
        let start = (0..<8).map { UInt8(truncatingIfNeeded: length >> (8 * $0)) } + Array(header.utf8)
        guard isFilled else {
            try Data(start).write(to: URL(filePath: path))
            guard unsafe truncate(path, 8 + length + offset) == 0 else { throw GoldenError.absent(name: path) }
            return
        }
        var state: UInt64 = 1
        let scale = 1 / Float(heads * width).squareRoot()
        var values = [Float](repeating: 0, count: offset / 4)
        for index in values.indices {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            values[index] = (Float(state >> 40) / Float(1 << 24) - 0.5) * scale
        }
        var bytes = Data(start)
        unsafe values.withUnsafeBytes { unsafe bytes.append(contentsOf: $0) }
        try bytes.write(to: URL(filePath: path))
    }
}
