import VideoTypes
import Weights

/// One way in which files hold a part of a model.
struct PartLayout: Sendable {
    let part: ModelPart
    let table: KeyTable
    /// What may stand in front of all names of the part.
    let prefixes: [String]
    /// Names that files of this kind have, and no others do.
    let marks: [String]
    /// What files of GGUF call the network, where they call it anything; nil for whatever they do.
    var architectures: [String]?
    /// Whether shapes leave so much unsaid that only the configuration of the model's own folder serves.
    var needsFolder = false
    /// The configuration that the shapes come to, as Diffusers would write it.
    let configuration: @Sendable (PartShapes) throws(WeightError) -> JSONText

    /// The tensors of the part in a file; nil where there are none.
    ///
    /// - Parameter keys: all names in it.
    func source(in file: WeightSource, _ keys: Set<String>) -> WeightSource? {
        prefixes.first { prefix in marks.allSatisfy { keys.contains(prefix + $0) } }
            .map { file.named(by: table, below: $0) }
    }

    /// Throws where a file says that it is of another network.
    func check(_ source: WeightSource) throws(WeightError) {
        guard let architectures else { return }
        for file in source.files {
            guard let found = (file as? GGUF)?.architecture, !architectures.contains(found) else { continue }
            throw .badGGUF(file: file.file, problem: .architecture(found, known: architectures))
        }
    }
}

/// What the files of a part say of it apart from its numbers, under the model's names.
struct PartShapes {
    let source: WeightSource
    /// A `config.json` that lies beside the weights.
    let config: (folder: ModelFolder, path: String)?
    private let names: Set<String>

    init(_ source: WeightSource, config: (folder: ModelFolder, path: String)?) {
        self.source = source
        self.config = config
        names = Set(
            source.keys.filter { $0.hasPrefix(source.prefix) }.flatMap {
                source.table.names(of: String($0.dropFirst(source.prefix.count)))
            })
    }

    /// How errors name what is derived from shapes.
    var file: String { "\(source.file) (by its shapes)" }

    func contains(_ name: String) -> Bool { names.contains(name) }

    /// The stored shape of a tensor, with at least `rank` dimensions.
    func shape(_ name: String, rank: Int) throws(WeightError) -> [Int] {
        let stored = source.prefix + (source.table.stored(name) ?? name)
        guard let shape = source.entry(stored)?.shape else { throw .missing(key: stored, file: source.file) }
        guard shape.count >= rank else {
            throw .shape(
                key: stored, file: source.file, expected: [Int](repeating: 1, count: rank), found: shape)
        }
        return shape
    }

    /// How many numbers a tensor has.
    func count(_ name: String) throws(WeightError) -> Int {
        // Readers have checked that no shape overflows.
        try shape(name, rank: 0).reduce(1) { $0.multipliedReportingOverflow(by: $1).partialValue }
    }

    /// How many elements the list `name` has: one more than the highest number there is.
    func listCount(_ name: String) -> Int {
        let numbers = names.lazy.filter { $0.hasPrefix(name + ".") }.compactMap { key in
            Int(key.dropFirst(name.count + 1).prefix { $0 != "." })
        }
        return numbers.max().map { $0 < Int.max ? $0 + 1 : $0 } ?? 0
    }

    /// `value` divided by what has to be a divisor.
    func divided(_ value: Int, by divisor: Int, _ field: String) throws(WeightError) -> Int {
        guard divisor > 0, value % divisor == 0 else {
            throw .derived(file: file, field: field, value: "\(value)", rule: "a multiple of \(divisor)")
        }
        return value / divisor
    }
}
