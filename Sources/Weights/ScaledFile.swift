import Compute

/// A file whose 8-bit matrices come with their scales, wherever among the files of a part these are.
struct ScaledFile: TensorFile {
    let entries: [String: TensorEntry]
    let companions: [String: Companion]
    private let base: any TensorFile
    private let all: [any TensorFile]
    private let scales: MatrixScales

    var file: String { base.file }
    var format: String { base.format }

    /// The files of a part, with scales where there are any; blocks of GGUF have theirs within.
    static func scaled(_ files: [any TensorFile]) throws(WeightError) -> [any TensorFile] {
        func isScaled(_ file: any TensorFile) -> Bool {
            !(file is GGUF)
                && (file.entries.values.contains { quantisation($0) != nil } || MatrixScales.areSaid(in: file))
        }
        guard files.contains(where: isScaled), let first = files.first else { return files }
        func bytes(_ key: String) -> HostBytes? { files.lazy.compactMap { $0.bytes(of: key) }.first }
        let headers = files.compactMap { ($0 as? Safetensors)?.metadata[MatrixScales.headerField] }
        let scales = try MatrixScales(
            files.flatMap(\.entries.keys), headers: headers, file: first.file, bytes: bytes)
        return files.map { ScaledFile($0, all: files, scales) }
    }

    private init(_ base: any TensorFile, all: [any TensorFile], _ scales: MatrixScales) {
        self.base = base
        self.all = all
        self.scales = scales
        var (entries, companions) = ([String: TensorEntry](), [String: Companion]())
        for (key, entry) in base.entries {
            if let use = scales.companions[key] {
                companions[key] = Companion(entry: entry, use: use)
            } else {
                entries[key] = entry
            }
        }
        for (name, stored) in scales.renamed {
            if let entry = entries.removeValue(forKey: stored) { entries[name] = entry }
        }
        self.entries = entries
        self.companions = companions
    }

    /// What an element of one byte is; nil for other elements.
    private static func quantisation(_ entry: TensorEntry) -> Quantisation? {
        Quantisation(rawValue: entry.dtypeName).flatMap { $0.blockCount == 1 ? $0 : nil }
    }

    func tensor(_ key: String) throws(WeightError) -> StoredTensor {
        let stored = scales.renamed[key] ?? key
        guard let entry = base.entries[stored] else { throw .missing(key: key, file: file) }
        guard let quantisation = Self.quantisation(entry), let bytes = base.bytes(of: stored) else {
            try scales.check(dense: key, stored: entry.dtypeName, file: file)
            return try base.tensor(stored)
        }
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
