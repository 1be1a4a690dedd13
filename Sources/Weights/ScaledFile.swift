import Compute

/// A file whose 8-bit matrices come with their scales, wherever among the files of a part these are.
struct ScaledFile: TensorFile {
    let entries: [String: TensorEntry]
    private let base: any TensorFile
    private let all: [any TensorFile]
    private let scales: MatrixScales

    var file: String { base.file }
    var format: String { base.format }

    /// The files of a part, with scales where there are any.
    static func scaled(_ files: [any TensorFile]) throws(WeightError) -> [any TensorFile] {
        let hasBytes = files.contains { $0.entries.values.contains { quantisation($0) != nil } }
        guard hasBytes, let first = files.first else { return files }
        func bytes(_ key: String) -> HostBytes? { files.lazy.compactMap { $0.bytes(of: key) }.first }
        let headers = files.compactMap { ($0 as? Safetensors)?.metadata[MatrixScales.headerField] }
        let scales = try MatrixScales(
            files.flatMap(\.entries.keys), header: headers.first, file: first.file, bytes: bytes)
        return files.map { ScaledFile($0, all: files, scales) }
    }

    private init(_ base: any TensorFile, all: [any TensorFile], _ scales: MatrixScales) {
        self.base = base
        self.all = all
        self.scales = scales
        var entries = base.entries.filter { !scales.auxiliary.contains($0.key) }
        for (name, stored) in scales.renamed {
            if let entry = entries.removeValue(forKey: stored) { entries[name] = entry }
        }
        self.entries = entries
    }

    /// What an element of one byte is; nil for other elements.
    private static func quantisation(_ entry: TensorEntry) -> Quantisation? {
        Quantisation(rawValue: entry.dtypeName).flatMap { $0.blockCount == 1 ? $0 : nil }
    }

    func tensor(_ key: String) throws(WeightError) -> StoredTensor {
        let stored = scales.renamed[key] ?? key
        guard let entry = base.entries[stored], let quantisation = Self.quantisation(entry),
            let bytes = base.bytes(of: stored)
        else { return try base.tensor(stored) }
        return try scales.tensor(key, bytes, quantisation, shape: entry.shape, file: file) {
            (key) throws(WeightError) in
            guard let place = all.first(where: { $0.entries[key] != nil }) else {
                throw .missing(key: key, file: file)
            }
            return try place.tensor(key)
        }
    }

    func bytes(of key: String) -> HostBytes? { base.bytes(of: scales.renamed[key] ?? key) }
}
