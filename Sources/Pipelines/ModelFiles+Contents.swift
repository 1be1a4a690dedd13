package import VideoTypes
package import Weights

extension ModelFiles {
    /// A tensor of a part as a file has it.
    package struct Tensor {
        package let file: String
        package let key: String
        package let entry: TensorEntry
        /// The model's names for it; more than one where it is several tensors in one.
        package let names: [String]
        /// Why it is left unused; nil where it is used.
        package let unused: String?
    }

    /// The weights of every part there is, those of a folder of Diffusers included.
    package func sources() throws(VideoError) -> [(part: ModelPart, source: WeightSource)] {
        var sources: [(part: ModelPart, source: WeightSource)] = []
        for part in ModelPart.allCases where part != .tokenizer {
            if let own = parts[part] {
                sources.append((part, own.source))
            } else if let base, base.isFolder(part.rawValue) {
                do throws(WeightError) {
                    sources.append((part, try WeightSource(base, part.rawValue)))
                } catch {
                    throw VideoError(reporting: error)
                }
            }
        }
        return sources
    }

    /// The tensors of a part, in order.
    package static func tensors(of source: WeightSource) -> [Tensor] {
        var found: [Tensor] = []
        for file in source.files {
            var all = file.entries.filter { $0.key.hasPrefix(source.prefix) }
                .map { tensor(file.file, $0.key, $0.value, of: source) }
            for (key, companion) in file.companions where key.hasPrefix(source.prefix) {
                switch companion.use {
                case .with(let other): all.append(tensor(file.file, key, companion.entry, with: other, of: source))
                case .none(let reason):
                    all.append(Tensor(file: file.file, key: key, entry: companion.entry, names: [], unused: reason))
                }
            }
            found += all.sorted { $0.key < $1.key }
        }
        return found
    }

    /// - Parameter other: the tensor that it is read with; nil where it is read by itself.
    private static func tensor(
        _ file: String, _ key: String, _ entry: TensorEntry, with other: String? = nil, of source: WeightSource
    ) -> Tensor {
        let stored = String((other ?? key).dropFirst(source.prefix.count))
        let names = source.table.names(of: stored)
        let ignored = source.table.ignored.first { $0.covers(stored) }?.reason
        let foreign = source.table.foreign.first { stored.contains($0.part) }.map { "of \($0.meaning)" }
        return Tensor(
            file: file, key: key, entry: entry, names: names,
            unused: ignored ?? foreign ?? (names.isEmpty ? "the model has no such tensor" : nil))
    }
}
