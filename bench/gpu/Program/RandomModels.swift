import Compute
import FoundationEssentials
import TestSupport
import Weights

/// The published models with every tensor of theirs, but random numbers.
final class RandomModels {
    private let shapes: SparseModel
    private let tokenizer: [String: HostBytes]
    /// Components that several models share are made once.
    private var files: [String: RandomFile] = [:]
    private var patterns: [RandomPattern.Width: RandomPattern] = [:]
    private let patternPages: Int

    /// - Parameters:
    ///   - path: names and shapes, as `Tests/Reference/real_shapes.py` writes them.
    ///   - tokenizer: a folder with a tokenizer; any whose tokens the encoder knows.
    ///   - patternPages: how many pages of random numbers there are.
    init(shapes path: String, tokenizer folder: String, patternPages: Int = RandomPattern.pages) throws {
        shapes = try SparseModel(path: path)
        self.patternPages = patternPages
        var files: [String: HostBytes] = [:]
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) {
            files["tokenizer/\(name)"] = try MappedFile.open("\(folder)/\(name)")
        }
        tokenizer = files
    }

    /// The folder of a model, in memory.
    func folder(_ name: String) throws -> ModelFolder {
        guard let model = shapes.models[name] else { throw GoldenError.absent(name: name) }
        var files = tokenizer
        func put(_ path: String, _ text: String) { files[path] = HeapBytes(Array(text.utf8)).host }
        put("model_index.json", model.index)
        put("scheduler/scheduler_config.json", model.scheduler)
        for (part, name) in model.components {
            guard let component = shapes.components[name] else { throw GoldenError.absent(name: name) }
            put("\(part)/config.json", component.config)
            let stem = part == "text_encoder" ? "model" : "diffusion_pytorch_model"
            files["\(part)/\(stem).safetensors"] = try weights(name, component).host
        }
        return ModelFolder(files: files, name: name)
    }

    private func weights(_ name: String, _ component: SparseModel.Component) throws -> RandomFile {
        if let file = files[name] { return file }
        guard let width = RandomPattern.Width(rawValue: component.dtype) else {
            throw GoldenError.absent(name: component.dtype)
        }
        let pattern = try patterns[width] ?? RandomPattern(width, pages: patternPages)
        patterns[width] = pattern
        let file = try RandomFile(component.shapes, pattern)
        files[name] = file
        return file
    }
}
