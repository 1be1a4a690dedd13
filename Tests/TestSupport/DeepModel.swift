import Compute
import FoundationEssentials
import Weights

/// A tiny model with more blocks than it was made with, so that few of them are much less than all.
package enum DeepModel {
    /// The networks with blocks, and the names of their lists.
    private static let lists = [
        ("transformer", ["blocks", "transformer_blocks"]), ("transformer_2", ["blocks"]),
        ("text_encoder", ["encoder.block"]),
    ]

    /// Writes the model at `source` to `folder`: a block beyond those that it has holds the numbers of one of them in
    /// another order.
    package static func write(_ source: String, to folder: String, blocks: Int) throws {
        let files = FileManager.default
        for name in try files.contentsOfDirectory(atPath: source) where !lists.contains(where: { $0.0 == name }) {
            try copy("\(source)/\(name)", to: "\(folder)/\(name)")
        }
        let model = try ModelFolder(path: source)
        for (component, names) in lists where model.exists(component) {
            try files.createDirectory(atPath: "\(folder)/\(component)", withIntermediateDirectories: true)
            try writeConfig(of: "\(source)/\(component)/config.json", to: "\(folder)/\(component)", blocks: blocks)
            let file = component == "text_encoder" ? "model" : "diffusion_pytorch_model"
            let tensors = try deepened(Checkpoint(model, component), names, blocks)
            try write(tensors, to: "\(folder)/\(component)/\(file).safetensors")
        }
    }

    /// Copies what links lead to.
    package static func copy(_ source: String, to target: String) throws {
        let files = FileManager.default
        var isFolder = false
        guard files.fileExists(atPath: source, isDirectory: &isFolder), isFolder else {
            return try Data(contentsOf: URL(filePath: source)).write(to: URL(filePath: target))
        }
        try files.createDirectory(atPath: target, withIntermediateDirectories: true)
        for name in try files.contentsOfDirectory(atPath: source) {
            try copy("\(source)/\(name)", to: "\(target)/\(name)")
        }
    }

    private typealias Named = (name: String, tensor: StoredTensor, bytes: [UInt8])

    private static func deepened(_ checkpoint: Checkpoint, _ lists: [String], _ blocks: Int) throws -> [Named] {
        var result: [Named] = []
        var found: [Int: [(rest: String, tensor: StoredTensor)]] = [:]
        var list = ""
        for key in checkpoint.keys.sorted() {
            let tensor = try checkpoint.root.tensor(key, checkpoint.shape(of: key) ?? [])
            result.append((key, tensor, tensor.bytes.copied))
            guard let name = lists.first(where: { key.hasPrefix("\($0).") }) else { continue }
            let rest = key.dropFirst(name.count + 1)
            guard let index = Int(rest.prefix { $0 != "." }) else { continue }
            list = name
            found[index, default: []].append((String(rest.drop { $0 != "." }), tensor))
        }
        let count = found.count
        for index in count..<max(blocks, count) {
            for (rest, tensor) in found[index % count] ?? [] {
                // T5's first block has a table for all.
                let isInAll = found.values.allSatisfy { $0.contains { $0.rest == rest } }
                guard isInAll else { continue }
                let bytes = tensor.bytes.copied
                let shift = (7 * index + 3) * tensor.dtype.byteWidth % max(bytes.count, 1)
                result.append(("\(list).\(index)\(rest)", tensor, Array(bytes[shift...] + bytes[..<shift])))
            }
        }
        return result
    }

    private static func write(_ tensors: [Named], to path: String) throws {
        var offset = 0
        let fields = tensors.map { name, tensor, bytes -> String in
            defer { offset += bytes.count }
            let shape = tensor.shape.dims.map(String.init).joined(separator: ",")
            let dtype = "\(tensor.dtype)".uppercased()
            return "\"\(name)\":{\"dtype\":\"\(dtype)\",\"shape\":[\(shape)],"
                + "\"data_offsets\":[\(offset),\(offset + bytes.count)]}"
        }
        var header = "{\(fields.joined(separator: ","))}"
        header += String(repeating: " ", count: (8 - header.utf8.count % 8) % 8)
        let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
        try Data(length + Array(header.utf8) + tensors.flatMap(\.bytes)).write(to: URL(filePath: path))
    }

    private static func writeConfig(of path: String, to folder: String, blocks: Int) throws {
        let lines = try String(contentsOf: URL(filePath: path), encoding: .utf8).split(separator: "\n").map { line in
            guard line.contains("\"num_layers\"") else { return String(line) }
            return "  \"num_layers\": \(blocks)" + (line.hasSuffix(",") ? "," : "")
        }
        try Data(lines.joined(separator: "\n").utf8).write(to: URL(filePath: "\(folder)/config.json"))
    }
}
