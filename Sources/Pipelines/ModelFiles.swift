import Compute
import StrictJSON
package import VideoTypes
package import Weights

/// The files of a model, wherever they are and however they call their tensors, as a folder of Diffusers.
package struct ModelFiles {
    /// Where a part was found.
    package struct Part {
        package let source: WeightSource
        /// Its configuration as Diffusers would write it; nil where the folder's own serves.
        let configuration: ModelFolder.AddedFile?
        /// Whether that is not all, and the folder's own has to serve.
        let needsFolder: Bool
    }

    /// How the files are arranged.
    package enum Arrangement: String, Sendable {
        case diffusers = "a folder of Diffusers"
        case folder = "a folder of other names"
        case file = "one file"
        case parts = "files named one by one"
    }

    package let arrangement: Arrangement
    /// How people know the model, until its numbers are compared with the list.
    package let name: String
    /// A folder of Diffusers that holds what `parts` does not.
    let base: ModelFolder?
    package private(set) var parts: [ModelPart: Part] = [:]
    private var tokenizer: [String: ModelFolder.AddedFile] = [:]
    /// Files that hold no part, and why.
    package private(set) var strangers: [(file: String, reason: String)] = []
    private var failures: [WeightError] = []
    /// Whether one expert cannot be half of a model with two.
    package private(set) var isWholeForSure = false

    /// Looks for the parts of a model.
    package init(_ places: ModelPlaces) throws(VideoError) {
        do {
            try self.init(finding: places, Families.layouts)
        } catch {
            throw VideoError(reporting: error)
        }
    }

    private init(finding places: ModelPlaces, _ layouts: [PartLayout]) throws {
        var search = FileSearch(layouts)
        var folder: ModelFolder?
        if let path = places.model {
            if Self.isFile(path) {
                arrangement = .file
                search.add(try Self.source(path), in: try Self.parent(path), "")
            } else {
                let found = try ModelFolder(path: path)
                folder = found
                // One that has lost its index is incomplete, not of another layout.
                let isDiffusers = found.exists("model_index.json") || found.exists("transformer/config.json")
                arrangement = isDiffusers ? .diffusers : .folder
                if !isDiffusers { try search.look(in: found) }
            }
        } else {
            arrangement = .parts
        }
        base = arrangement == .diffusers ? folder : nil
        name = places.model ?? places.parts[.transformer] ?? ""
        strangers = search.strangers
        failures = search.failures
        isWholeForSure = arrangement == .diffusers || places.name != nil
        try take(search.finds.filter { places.parts[$0.layout.part] == nil }, places)
        for (part, path) in places.parts.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where part != .tokenizer {
            parts[part] = try Self.part(part, at: path, layouts)
        }
        try takeTokenizer(places, folder, search.tokenizers)
        if arrangement == .folder, parts.isEmpty {
            if let failure = failures.first { throw failure }
            throw WeightError.notAModel(path: name)
        }
    }
}

// MARK: finding

extension ModelFiles {
    private mutating func take(_ finds: [FileSearch.Find], _ places: ModelPlaces) throws {
        for part in ModelPart.allCases {
            let found = finds.filter { $0.layout.part == part }
            guard !found.isEmpty else { continue }
            guard part == .transformer, found.count == 2, let (high, low) = Self.experts(found) else {
                guard found.count == 1, let only = found.first else {
                    let names = found.map(\.source.file).sorted().joined(separator: ", ")
                    throw VideoError(
                        .weightsInvalid, "\(name): \(found.count) files with a \(part.words): \(names)",
                        field: .model, hint: "say which by \(part.term)")
                }
                let isLow = part == .transformer && Self.level(only.source.file) == .low
                parts[isLow ? .transformer2 : part] = try Self.part(only)
                if part == .transformer, Self.original(only) != nil, Self.level(only.source.file) == nil {
                    isWholeForSure = true
                }
                continue
            }
            parts[.transformer] = try Self.part(high)
            if places.parts[.transformer2] == nil { parts[.transformer2] = try Self.part(low) }
        }
    }

    private enum Level {
        case high
        case low
    }

    /// Which expert a file is; only its name says it.
    private static func level(_ file: String) -> Level? {
        let name = file.split(separator: "/").suffix(2).joined(separator: "/").lowercased()
            .filter { $0.isLetter || $0 == "/" }
        let (isHigh, isLow) = (name.contains("highnoise"), name.contains("lownoise"))
        return isHigh == isLow ? nil : isHigh ? .high : .low
    }

    private static func experts(_ finds: [FileSearch.Find]) -> (high: FileSearch.Find, low: FileSearch.Find)? {
        guard let high = finds.first(where: { level($0.source.file) == .high }),
            let low = finds.first(where: { level($0.source.file) == .low })
        else { return nil }
        return (high, low)
    }

    private static func part(_ find: FileSearch.Find) throws -> Part {
        let config = original(find)
        let shapes = PartShapes(find.source, config: config)
        let text = try find.layout.configuration(shapes)
        let origin = "its shapes" + (config == nil ? "" : " and config.json")
        return Part(
            source: find.source,
            configuration: .init(
                Array("\(text)".utf8), name: "\(find.source.file) (\(origin))", isDerived: true),
            needsFolder: find.layout.needsFolder)
    }

    /// The authors' configuration beside a transformer.
    private static func original(_ find: FileSearch.Find) -> (folder: ModelFolder, path: String)? {
        guard find.layout.part == .transformer, find.folder.exists(find.place + "config.json") else { return nil }
        return (find.folder, find.place + "config.json")
    }

    /// A part that is named by itself: a file, an index, or a folder that holds one of them.
    private static func part(_ part: ModelPart, at path: String, _ layouts: [PartLayout]) throws -> Part {
        let kind = part == .transformer2 ? .transformer : part
        var search = FileSearch(layouts.filter { $0.part == kind })
        if isFile(path) {
            let folder = try parent(path)
            search.add(try source(path), in: folder, "")
        } else {
            try search.look(in: ModelFolder(path: path))
        }
        if let failure = search.failures.first, search.finds.isEmpty { throw failure }
        guard search.finds.count == 1, let find = search.finds.first else {
            let all = search.strangers.first.map { " (\($0.reason))" } ?? ""
            throw VideoError(
                .weightsInvalid,
                search.finds.isEmpty
                    ? "\(path): no \(part.words) in it\(all)" : "\(path): several files with a \(part.words)",
                field: part.term, hint: "give the file of the \(part.words) for \(part.term)")
        }
        return try Self.part(find)
    }

    private static func isFile(_ path: String) -> Bool {
        var isFile = false
        if let folder = try? parent(path), let name = path.split(separator: "/").last {
            isFile = folder.exists(String(name)) && !folder.isFolder(String(name))
        }
        return isFile
    }

    private static func parent(_ path: String) throws(WeightError) -> ModelFolder {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let folder = parts.joined(separator: "/")
        return try ModelFolder(
            path: path.hasPrefix("/") ? "/" + folder.drop { $0 == "/" } : parts.isEmpty ? "." : folder)
    }

    private static func source(_ path: String) throws -> WeightSource {
        guard path.hasSuffix(".json") else { return try WeightSource(TensorFiles.open(path: path)) }
        return try WeightSource(parent(path), path: String(path.split(separator: "/").last ?? ""))
    }
}

// MARK: the tokenizer

extension ModelFiles {
    private static let tokenizerFiles = ["tokenizer.json", "spiece.model", "tokenizer_config.json"]
    private static let ggufPath = "tokenizer/tokenizer.gguf"

    private mutating func takeTokenizer(
        _ places: ModelPlaces, _ folder: ModelFolder?, _ found: [String]
    ) throws {
        if let path = places.parts[.tokenizer] {
            tokenizer = try Self.tokenizer(at: path)
            return
        }
        if base != nil, places.parts[.textEncoder] == nil { return }
        if let source = parts[.textEncoder]?.source, let found = Self.inside(source) {
            tokenizer = found
            return
        }
        // Beside the text encoder's, pictures of the authors come with one that reads no prompts.
        let own = found.filter { !$0.contains("xlm-roberta") }
        if let folder, let place = own.first(where: { $0.contains("umt5") }) ?? own.first {
            tokenizer = try Self.tokenizer(folder, place)
        }
    }

    private static func tokenizer(at path: String) throws -> [String: ModelFolder.AddedFile] {
        guard isFile(path) else {
            let folder = try ModelFolder(path: path)
            let found = try tokenizer(folder, "")
            guard found.keys.contains(where: { !$0.hasSuffix("_config.json") }) else {
                throw VideoError(
                    .weightsInvalid, "\(path): no tokenizer.json or spiece.model in it", field: .tokenizer,
                    hint: "give the file, or the folder that holds it")
            }
            return found
        }
        let own = path.hasSuffix(".json") ? "tokenizer/tokenizer.json" : "tokenizer/spiece.model"
        return [path.hasSuffix(".gguf") ? ggufPath : own: .init(try MappedFile.open(path), name: path)]
    }

    private static func tokenizer(
        _ folder: ModelFolder, _ place: String
    ) throws -> [String: ModelFolder.AddedFile] {
        var files: [String: ModelFolder.AddedFile] = [:]
        for name in tokenizerFiles where folder.exists(place + name) {
            files["tokenizer/\(name)"] = .init(
                try folder.bytes(place + name), name: folder.fullName(place + name))
        }
        return files
    }

    /// What ComfyUI puts into the file of the text encoder, or llama.cpp.
    private static func inside(_ source: WeightSource) -> [String: ModelFolder.AddedFile]? {
        for file in source.files {
            for key in ["spiece_model", "text_encoders.spiece_model"] {
                guard let bytes = file.bytes(of: key) else { continue }
                return ["tokenizer/spiece.model": .init(bytes, name: "\(file.file): spiece_model")]
            }
            if let file = file as? GGUF, file.metadata["tokenizer.ggml.tokens"] != nil {
                return [ggufPath: .init(file.bytes, name: file.file)]
            }
        }
        return nil
    }
}

// MARK: the folder

extension ModelFiles {
    /// Parts without which there is no clip, and that were not found.
    package func missing() throws(WeightError) -> [ModelPart] {
        guard base == nil else { return [] }
        var needed: [ModelPart] = [.transformer, .textEncoder, .vae]
        if let found = parts[.transformer] ?? parts[.transformer2], !found.needsFolder,
            let transformer = found.configuration
        {
            if try Families.needsImageEncoder(transformer) { needed.append(.imageEncoder) }
            let isHalf = try Families.needsTwoExperts(transformer)
            let level = parts[.transformer].flatMap { Self.level($0.source.file) }
            if isHalf || level != nil { needed.append(.transformer2) }
        }
        return needed.filter { parts[$0] == nil } + (tokenizer.isEmpty ? [.tokenizer] : [])
    }

    /// The files as a folder in the layout of Diffusers.
    package func folder() throws(VideoError) -> ModelFolder {
        do {
            return try arranged()
        } catch {
            throw VideoError(reporting: error)
        }
    }

    private func arranged() throws -> ModelFolder {
        for part in ModelPart.allCases where base == nil {
            guard let found = parts[part], found.needsFolder else { continue }
            throw VideoError(
                .weightsInvalid, "\(found.source.file): a \(part.words) whose configuration no shape tells",
                field: .model, hint: "give its model's folder of Diffusers too: \(.model, "DIR")")
        }
        if let part = try missing().first { throw lack(of: part) }
        if let first = parts[.transformer]?.source.file, let second = parts[.transformer2]?.source.file,
            Self.level(first) == .low, Self.level(second) == .high
        {
            throw VideoError(
                .weightsInvalid, "\(first): the low_noise expert as the first transformer, \(second) as the second",
                field: .transformer, hint: "let them change places")
        }
        var files = tokenizer
        for (part, found) in parts {
            if let configuration = found.configuration { files["\(part.rawValue)/config.json"] = configuration }
        }
        var replaced = Set(parts.keys.map(\.rawValue))
        if !tokenizer.isEmpty { replaced.insert("tokenizer") }
        if let base {
            for (part, found) in parts {
                let path = "\(part.rawValue)/config.json"
                guard let problem = disagreement(base, part, found) else {
                    // The folder's own configuration says more than shapes do.
                    files[path] = .init(try base.bytes(path), name: base.fullName(path))
                    continue
                }
                guard !found.needsFolder, !problem.isForSure else {
                    throw VideoError(
                        .weightsInvalid, "\(found.source.file): no \(part.words) for \(base.name): \(problem.text)",
                        field: part.term, hint: "give a file of that model, or with \(.model) the file's own")
                }
            }
        } else if let transformer = parts[.transformer]?.configuration {
            let made = try Families.files(
                transformer: transformer, tower: parts[.imageEncoder]?.configuration,
                hasTwoExperts: parts[.transformer2] != nil)
            for (path, text) in made {
                files[path] = .init(
                    Array("\(text)".utf8), name: "\(name) (\(path) as its parts come to)", isDerived: true)
            }
        }
        let root = base ?? ModelFolder(files: [:], name: name)
        return root.replacing(
            replaced, files: files,
            weights: Dictionary(
                uniqueKeysWithValues: parts.map { ($0.key.rawValue, $0.value.source) }))
    }

    /// Why a folder's configuration of a part is not that of another file with the part, and whether the part can be
    /// none of the folder's model; nil where it is.
    private func disagreement(
        _ base: ModelFolder, _ part: ModelPart, _ found: Part
    ) -> (text: String, isForSure: Bool)? {
        let path = "\(part.rawValue)/config.json"
        guard base.exists(path), let configuration = found.configuration else { return ("there is no \(path)", false) }
        guard case .object(let ours)? = try? JSONValue(base.bytes(path).copied),
            case .object(let theirs)? = try? JSONValue(configuration.bytes.copied)
        else { return ("\(path) cannot be read", false) }
        let kind = Array("_class_name".utf8)
        if case .string(let own)? = ours[kind], case .string(let other)? = theirs[kind], own != other {
            return ("it is of \(other), \(path) says \(own.printable)", true)
        }
        // What shapes say, they say surely.
        let sure = [
            "in_channels", "out_channels", "text_dim", "freq_dim", "ffn_dim", "num_layers", "image_dim", "base_dim",
            "decoder_base_dim", "z_dim", "vocab_size", "d_model", "num_heads", "d_kv", "d_ff", "hidden_size",
            "intermediate_size", "num_hidden_layers", "patch_size", "image_size", "text_embed_dim", "time_embed_dim",
            "latent_channels",
        ]
        for name in sure {
            let key = Array(name.utf8)
            guard let value = ours[key], let found = theirs[key], case .number = found, value != found else { continue }
            return ("\(name) is \(found.text) by its shapes, \(value.text.printable) in \(path)", false)
        }
        return nil
    }

    private func lack(of part: ModelPart) -> any Error {
        // A file that is there and cannot be read is the nearer cause.
        if let failure = failures.first { return failure }
        let expert = parts[.transformer] ?? parts[.transformer2]
        let isExpert = part == .transformer2 || part == .transformer && parts[.transformer2] != nil
        switch part {
        case _ where isExpert:
            let isLow = expert.flatMap { Self.level($0.source.file) } == .low
            let (has, lacks) = isLow ? ("low_noise", "high_noise") : ("high_noise", "low_noise")
            return VideoError(
                .weightsInvalid,
                "\(expert?.source.file ?? name): the \(has) expert of a model with two; the \(lacks) expert is missing",
                field: part.term, hint: "give it too: \(part.term, "FILE")")
        case .tokenizer:
            return VideoError(
                .weightsInvalid, "\(parts[.textEncoder]?.source.file ?? name): no tokenizer in it or beside it",
                field: .tokenizer, hint: "give its spiece.model or tokenizer.json: \(.tokenizer, "FILE")")
        default:
            return VideoError(
                .weightsInvalid, "\(name): no \(part.words) among the files", field: part.term,
                hint: "give one: \(part.term, "FILE")")
        }
    }
}

extension ModelFolder.AddedFile {
    fileprivate init(_ bytes: [UInt8], name: String, isDerived: Bool = false) {
        self.init(HostBytes(bytes), name: name, isDerived: isDerived)
    }
}
