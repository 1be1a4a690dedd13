package import Compute

/// The weights of one part of a model, under the model's own names.
///
/// It remembers which tensors have been asked for, and is confined to the thread that builds the model.
package final class Checkpoint {
    /// How errors name it: the single file, or the index.
    package var file: String { source.file }
    private let source: WeightSource
    /// The file that holds each tensor, by its stored name.
    private let places: [String: Int]
    private var used: Set<String> = []
    private let watch: Watch?

    /// Told of each tensor that is asked for, and of how many there are; may end the loading with `interrupted`.
    package typealias Watch = (_ bytes: HostBytes, _ taken: Int, _ count: Int) throws(WeightError) -> Void

    /// The weights in `component` ("transformer", "vae"; empty for the model's root) of a model's folder.
    package convenience init(_ folder: ModelFolder, _ component: String, watch: Watch? = nil) throws(WeightError) {
        self.init(try WeightSource(folder, component), watch: watch)
    }

    /// The weights in one file.
    package convenience init(_ bytes: HostBytes, file: String) throws(WeightError) {
        self.init(try WeightSource(TensorFiles.open(bytes, file: file)))
    }

    package init(_ source: WeightSource, watch: Watch? = nil) {
        self.source = source
        self.watch = watch
        var places: [String: Int] = [:]
        for (index, file) in source.files.enumerated() {
            for key in file.entries.keys where key.hasPrefix(source.prefix) {
                places[String(key.dropFirst(source.prefix.count))] = index
            }
        }
        self.places = places
    }

    /// The same weights, of whose reading nobody is told.
    var unwatched: Checkpoint { Checkpoint(source) }

    /// All stored names, in no order.
    package var keys: some Collection<String> { places.keys }

    /// Bytes of all tensors.
    package var byteCount: Int { places.reduce(0) { $0 + (entry($1.key, $1.value)?.range.count ?? 0) } }

    /// How many tensors there are of each size in bytes, by how they are stored; without those that no network reads.
    package var sizes: [StoredFormat: [Int: Int]] {
        var sizes: [StoredFormat: [Int: Int]] = [:]
        for (key, file) in places {
            guard let entry = entry(key, file), let format = entry.format else { continue }
            sizes[format, default: [:]][entry.range.count, default: 0] += 1
        }
        return sizes
    }

    /// Begins to read one of so many parts of all weights from their files, for who will want them soon.
    package func fetchPages(part: Int, of parts: Int) {
        let keys = places.keys.sorted()
        for key in keys[keys.count * part / parts..<keys.count * (part + 1) / parts] {
            // What is wrong with a tensor shows when it is asked for.
            guard let file = places[key], let tensor = try? source.files[file].tensor(source.prefix + key) else {
                continue
            }
            tensor.bytes.fetchPages()
        }
    }

    /// The scope that sees every key.
    package var root: WeightScope { WeightScope(checkpoint: self, prefix: "") }

    /// The shape of the tensor that the model calls `key`, which stays unused; nil where there is none.
    package func shape(of key: String) -> [Int]? {
        guard let place = source.table.place(of: key), let file = places[place.stored],
            let shape = entry(place.stored, file)?.shape
        else { return nil }
        guard let part = place.part, let rows = shape.first else { return shape }
        return [rows / part.count] + shape.dropFirst()
    }

    private func entry(_ key: String, _ file: Int) -> TensorEntry? { source.files[file].entries[source.prefix + key] }

    /// The tensor that the model calls `key`, which must have `shape`; from now on used.
    func take(_ key: String, _ shape: [Int]) throws(WeightError) -> StoredTensor {
        guard let place = source.table.place(of: key), let file = places[place.stored],
            let found = entry(place.stored, file)?.shape
        else {
            throw .missing(key: source.prefix + (source.table.stored(key) ?? key), file: self.file)
        }
        var whole = shape
        if let part = place.part, !whole.isEmpty { whole[0] *= part.count }
        let fits = found == whole || place.isReshaped && Self.count(found) == Self.count(whole)
        guard fits else {
            throw .shape(
                key: source.prefix + place.stored, file: source.files[file].file, expected: whole, found: found)
        }
        let tensor = try source.files[file].tensor(source.prefix + place.stored)
        used.insert(place.stored)
        try watch?(tensor.bytes, used.count, places.count)
        guard let part = place.part else {
            guard tensor.keepsScales(as: Shape(shape)) else {
                throw .shape(
                    key: source.prefix + place.stored, file: source.files[file].file, expected: shape, found: found)
            }
            return tensor.reshaped(Shape(shape))
        }
        return tensor[part.index * shape[0]..<(part.index + 1) * shape[0]].reshaped(Shape(shape))
    }

    /// Shapes of stored tensors are known not to overflow.
    private static func count(_ shape: [Int]) -> Int { shape.reduce(1) { $0.multipliedReportingOverflow(by: $1).0 } }

    /// Throws if there are keys that nobody took and no pattern covers.
    package func assertAllUsed(ignoring ignored: [IgnoredKey] = []) throws(WeightError) {
        let table = source.table
        let left = places.keys.filter { key in
            guard !used.contains(key), !table.ignored.contains(where: { $0.covers(key) }) else { return false }
            let names = table.names(of: key)
            return names.isEmpty || !names.allSatisfy { name in ignored.contains { $0.covers(name) } }
        }
        guard !left.isEmpty else { return }
        let named = left.sorted().prefix(5).map { source.prefix + $0 }
        for key in left.sorted() {
            guard let other = table.foreign.first(where: { key.contains($0.part) }) else { continue }
            throw .otherModel(key: source.prefix + key, file: file, meaning: other.meaning)
        }
        throw .unused(keys: named, count: left.count, file: file)
    }
}

/// Keys that a model leaves alone on purpose.
package struct IgnoredKey: Sendable {
    /// A key, or its beginning followed by `*`, or its end behind one.
    package let pattern: String
    package let reason: String

    package init(_ pattern: String, reason: String) {
        self.pattern = pattern
        self.reason = reason
    }

    package func covers(_ key: String) -> Bool {
        if pattern.hasSuffix("*") { return key.hasPrefix(pattern.dropLast()) }
        return pattern.hasPrefix("*") ? key.hasSuffix(pattern.dropFirst()) : key == pattern
    }
}
