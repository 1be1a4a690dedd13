import StrictJSON
import VideoTypes
import Weights

/// The files with weights in a folder and below it, and what each holds.
struct FileSearch {
    /// A part of a model in a file.
    struct Find {
        let layout: PartLayout
        let source: WeightSource
        /// Where the file is.
        let folder: ModelFolder
        /// Of its folder in that one, with a slash at its end.
        let place: String
    }

    private static let depthLimit = 4
    private static let countLimit = 2000

    private(set) var finds: [Find] = []
    /// Files that hold no part of a model that runs here, and why.
    private(set) var strangers: [(file: String, reason: String)] = []
    /// Files that could not be read.
    private(set) var failures: [WeightError] = []
    /// Folders with a tokenizer in them.
    private(set) var tokenizers: [String] = []
    private let layouts: [PartLayout]
    private var count = 0

    init(_ layouts: [PartLayout]) {
        self.layouts = layouts
    }

    /// What lies in a folder.
    mutating func look(in folder: ModelFolder, _ place: String = "", depth: Int = 0) throws(WeightError) {
        let names = folder.names(in: String(place.dropLast()))
        var shards: Set<String> = []
        for name in names where Self.isIndex(name) {
            let map = try WeightSource.weightMap(folder, place + name)
            shards.formUnion(map.values)
            add(try WeightSource(folder, path: place + name), in: folder, place)
        }
        for name in names where TensorFiles.endings.contains(where: { name.hasSuffix($0) }) && !shards.contains(name) {
            count += 1
            guard count <= Self.countLimit else { break }
            do throws(WeightError) {
                add(try WeightSource(folder, path: place + name), in: folder, place)
            } catch {
                failures.append(error)
            }
        }
        if names.contains("tokenizer.json") || names.contains("spiece.model") { tokenizers.append(place) }
        guard depth < Self.depthLimit else { return }
        for name in names where folder.isFolder(place + name) {
            try look(in: folder, "\(place)\(name)/", depth: depth + 1)
        }
    }

    private static func isIndex(_ name: String) -> Bool {
        name.hasSuffix(".index.json") && TensorFiles.endings.contains { name.contains($0 + ".index") }
    }

    /// What a file holds.
    mutating func add(_ source: WeightSource, in folder: ModelFolder, _ place: String) {
        let keys = Set(source.keys)
        var parts: Set<ModelPart> = []
        for layout in layouts where !parts.contains(layout.part) {
            guard let found = layout.source(in: source, keys) else { continue }
            parts.insert(layout.part)
            do throws(WeightError) {
                try layout.check(found)
            } catch {
                failures.append(error)
                continue
            }
            finds.append(Find(layout: layout, source: found, folder: folder, place: place))
        }
        guard parts.isEmpty else { return }
        for layout in Families.unreadLayouts {
            guard let key = keys.first(where: { $0.hasSuffix(layout.mark) }) else { continue }
            failures.append(.otherLayout(key: key, file: source.file, meaning: layout.meaning))
            strangers.append((source.file, "it is \(layout.meaning)"))
            return
        }
        let first = keys.min().map { ": '\($0.printable)' …" } ?? ""
        strangers.append((source.file, "its tensors are of no part that runs here\(first)"))
    }
}
