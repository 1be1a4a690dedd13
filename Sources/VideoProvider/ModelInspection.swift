import Pipelines
package import VideoTypes
import Weights

/// What the files of a model are, told from their headers.
package struct ModelInspection: Sendable {
    /// The weights of one part.
    package struct Part: Sendable {
        package let part: ModelPart
        package let file: String
        package let files: Int
        package let format: String
        /// How people call the names of its tensors.
        package let names: String
        package let prefix: String
        /// Tensors of each dtype, in the words of the file.
        package let dtypes: [String: Int]
        package let byteCount: Int
        package let tensors: [Tensor]

        /// Those that nothing reads.
        package var unused: [Tensor] { tensors.filter { $0.unused != nil } }
    }

    package struct Tensor: Sendable {
        package let file: String
        package let key: String
        package let dtype: String
        package let shape: [Int]
        /// The model's names for it.
        package let names: [String]
        /// Why nothing reads it; nil where it is read.
        package let unused: String?
    }

    /// How results name the model; nil where it cannot be told.
    package let model: String?
    /// How its files are arranged.
    package let arrangement: String
    package let parts: [Part]
    package let missing: [ModelPart]
    /// Files that hold no part, and why.
    package let strangers: [(file: String, reason: String)]
    /// Why the files do not run as they are; nil where they do.
    package let problem: VideoError?

    /// Looks at the files, without reading weights.
    package init(_ places: ModelPlaces) throws(VideoError) {
        let files = try ModelFiles(places)
        arrangement = files.arrangement.rawValue
        strangers = files.strangers
        parts = try files.sources().map { Self.part($0.part, $0.source) }
        do throws(WeightError) {
            missing = try files.missing()
        } catch {
            throw VideoError(reporting: error)
        }
        do throws(VideoError) {
            model = try VideoPlanner(.files(places)).modelName
            problem = nil
        } catch {
            model = nil
            problem = error
        }
    }

    private static func part(_ part: ModelPart, _ source: WeightSource) -> Part {
        let tensors = ModelFiles.tensors(of: source)
        return Part(
            part: part, file: source.file, files: source.files.count,
            format: Set(source.files.map(\.format)).sorted().joined(separator: ", "), names: source.table.layout,
            prefix: source.prefix,
            dtypes: tensors.reduce(into: [:]) { $0[$1.entry.dtypeName, default: 0] += 1 },
            byteCount: tensors.reduce(0) { $0 + $1.entry.range.count },
            tensors: tensors.map {
                Tensor(
                    file: $0.file, key: $0.key, dtype: $0.entry.dtypeName, shape: $0.entry.shape, names: $0.names,
                    unused: $0.unused)
            })
    }
}
