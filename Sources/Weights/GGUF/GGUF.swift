package import Compute

/// The table of contents of one GGUF file, versions 2 and 3, checked against the file's length.
///
/// The format: magic, version, counts, metadata, what there is to know of each tensor, then, aligned, the data.
package struct GGUF: TensorFile {
    package static let tensorLimit = 1 << 17
    package static let keyLimit = 1 << 16
    package static let rankLimit = 8
    private static let nameLimit = 1 << 16
    static let magic = Array("GGUF".utf8)

    /// How errors name the file.
    package let file: String
    /// How people call its format.
    package let format = "GGUF"
    package let entries: [String: TensorEntry]
    package let metadata: [String: GGUFValue]
    /// The whole file.
    package let bytes: HostBytes

    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: how errors name it.
    package init(_ bytes: HostBytes, file: String) throws(WeightError) {
        do throws(GGUFProblem) {
            var cursor = GGUFCursor(bytes)
            let (tensors, keys) = try Self.head(&cursor, bytes)
            let metadata = try Self.metadata(&cursor, keys, bytes)
            let infos = try Self.infos(&cursor, tensors)
            let alignment = try Self.alignment(metadata)
            let start = (cursor.offset + alignment - 1) / alignment * alignment
            entries = try Self.placed(infos, start: start, alignment: alignment, end: bytes.count)
            self.metadata = metadata
        } catch {
            throw .badGGUF(file: file, problem: error)
        }
        self.file = file
        self.bytes = bytes
    }

    /// What the model's network is called; nil where the file says nothing.
    package var architecture: String? {
        guard case .text(let name)? = metadata["general.architecture"] else { return nil }
        return name
    }

    /// The tensor under `key`.
    package func tensor(_ key: String) throws(WeightError) -> StoredTensor {
        guard let entry = entries[key] else { throw .missing(key: key, file: file) }
        let data = bytes[entry.range]
        if let quantisation = Quantisation(rawValue: entry.dtypeName), quantisation.blockCount > 1,
            entry.shape.count > 1
        {
            return StoredTensor(bytes: data, format: .quantised(quantisation), shape: Shape(entry.shape))
        }
        guard let dtype = entry.dtype else { throw .dtype(key: key, file: file, found: entry.dtypeName) }
        return StoredTensor(
            bytes: data.isAligned(to: dtype.byteWidth) ? data : data.aligned(), dtype: dtype, shape: Shape(entry.shape))
    }

    package func bytes(of key: String) -> HostBytes? { entries[key].map { bytes[$0.range] } }

    /// What a file says of one tensor.
    private struct Info {
        let name: String
        let shape: [Int]
        let type: GGMLType.Layout
        /// From the beginning of the data.
        let offset: UInt64
        let byteCount: Int
    }
}

// MARK: reading

extension GGUF {
    private static func head(
        _ cursor: inout GGUFCursor, _ bytes: HostBytes
    ) throws(GGUFProblem) -> (tensors: Int, keys: Int) {
        let magic = bytes[try cursor.take(4, "its first word")].copied
        guard magic == Self.magic else { throw .magic(found: magic) }
        let version: UInt32 = try cursor.number("its version")
        guard version == 2 || version == 3 else { throw .version(version) }
        // A tensor takes a length, a rank, a type and an offset at least, a key a length, a type and a byte.
        let tensors = try cursor.count("number of tensors", of: 24, limit: tensorLimit)
        return (tensors, try cursor.count("number of metadata keys", of: 13, limit: keyLimit))
    }

    private static func metadata(
        _ cursor: inout GGUFCursor, _ count: Int, _ bytes: HostBytes
    ) throws(GGUFProblem) -> [String: GGUFValue] {
        var metadata: [String: GGUFValue] = [:]
        for _ in 0..<count {
            let key = try cursor.text("a metadata key", limit: nameLimit)
            let type: UInt32 = try cursor.number("the type of '\(key)'")
            let value = try GGUFValue(&cursor, key: key, type: type, in: bytes)
            guard metadata.updateValue(value, forKey: key) == nil else { throw .duplicateKey(key) }
        }
        return metadata
    }

    private static func alignment(_ metadata: [String: GGUFValue]) throws(GGUFProblem) -> Int {
        guard let value = metadata["general.alignment"] else { return 32 }
        guard let alignment = value.integer else { throw .alignment(found: "no whole number") }
        guard 1...65536 ~= alignment, alignment & (alignment - 1) == 0 else { throw .alignment(found: "\(alignment)") }
        return alignment
    }

    private static func infos(_ cursor: inout GGUFCursor, _ count: Int) throws(GGUFProblem) -> [Info] {
        var infos: [Info] = []
        infos.reserveCapacity(count)
        for _ in 0..<count {
            let name = try cursor.text("the name of tensor \(infos.count + 1) of \(count)", limit: nameLimit)
            let what = "what it says of tensor '\(name)'"
            let rank: UInt32 = try cursor.number(what)
            guard 1...UInt32(rankLimit) ~= rank else { throw .rank(tensor: name, rank, limit: rankLimit) }
            var extents: [UInt64] = []
            for _ in 0..<rank { extents.append(try cursor.number(what)) }
            let number: UInt32 = try cursor.number(what)
            guard let type = GGMLType.layout(number) else {
                throw .tensorType(tensor: name, number: number, name: GGMLType.otherName(number))
            }
            let byteCount = try byteCount(extents, type, of: name)
            infos.append(
                Info(
                    name: name, shape: extents.reversed().map { Int($0) }, type: type, offset: try cursor.number(what),
                    byteCount: byteCount))
        }
        return infos
    }

    private static func byteCount(
        _ extents: [UInt64], _ type: GGMLType.Layout, of name: String
    ) throws(GGUFProblem) -> Int {
        var count = 1
        for extent in extents {
            let (product, overflow) = count.multipliedReportingOverflow(by: Int(clamping: extent))
            guard extent > 0, !overflow, product <= Int.max / 16 else { throw .extents(tensor: name, extents) }
            count = product
        }
        let row = Int(extents[0])
        guard row % type.numbers == 0 else {
            throw .rows(tensor: name, type: type.name, extent: row, block: type.numbers)
        }
        return count / type.numbers * type.bytes
    }

    /// Where the tensors lie in the file: aligned, within it, none on another.
    private static func placed(
        _ infos: [Info], start: Int, alignment: Int, end: Int
    ) throws(GGUFProblem) -> [String: TensorEntry] {
        var entries: [String: TensorEntry] = [:]
        let space = max(0, end - start)
        for info in infos {
            guard info.offset % UInt64(alignment) == 0 else {
                throw .unaligned(tensor: info.name, offset: info.offset, alignment: alignment)
            }
            guard info.byteCount <= space, info.offset <= UInt64(space - info.byteCount) else {
                throw .beyond(tensor: info.name, offset: info.offset, bytes: info.byteCount, left: space)
            }
            let first = start + Int(info.offset)
            let entry = TensorEntry(
                dtypeName: info.type.name, shape: info.shape, range: first..<first + info.byteCount)
            guard entries.updateValue(entry, forKey: info.name) == nil else { throw .duplicateTensor(info.name) }
        }
        let ordered = infos.sorted { ($0.offset, $0.name) < ($1.offset, $1.name) }
        for (one, next) in zip(ordered, ordered.dropFirst()) where next.offset < one.offset + UInt64(one.byteCount) {
            throw .overlap(tensor: next.name, other: one.name)
        }
        return entries
    }
}
