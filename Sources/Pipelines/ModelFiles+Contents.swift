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
            for (key, entry) in file.entries.sorted(by: { $0.key < $1.key }) where key.hasPrefix(source.prefix) {
                let stored = String(key.dropFirst(source.prefix.count))
                let names = source.table.names(of: stored)
                let ignored = source.table.ignored.first { $0.covers(stored) }?.reason
                let foreign = source.table.foreign.first { stored.contains($0.part) }.map { "of \($0.meaning)" }
                found.append(
                    Tensor(
                        file: file.file, key: key, entry: entry, names: names,
                        unused: ignored ?? foreign ?? (names.isEmpty ? "the model has no such tensor" : nil)))
            }
        }
        return found
    }
}
