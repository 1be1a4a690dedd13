package import Compute
import StrictJSON

/// The table of contents of one safetensors file, checked against the file's length.
///
/// The format: 8 bytes little-endian header length, a JSON header, the data. The tensors fill the data without gaps.
package struct Safetensors: TensorFile {
    package typealias Entry = TensorEntry

    package static let headerLimit = 100_000_000
    package static let rankLimit = 8

    /// Bytes of an element of each type of the format.
    private static let widths = [
        "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I64": 8, "I32": 4, "I16": 2,
        "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
    ]

    /// How errors name the file.
    package let file: String
    package let format = "safetensors"
    package let entries: [String: Entry]
    /// What the header says beside the tensors: texts by name.
    package let metadata: [String: String]
    private let bytes: HostBytes

    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: how errors name it.
    package init(_ bytes: HostBytes, file: String) throws(WeightError) {
        guard bytes.count >= 8 else { throw .truncated(file: file, expected: 8, found: bytes.count) }
        let length = bytes[0..<8].copied.reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length <= UInt64(Self.headerLimit) else {
            throw .headerTooLarge(file: file, bytes: length, limit: Self.headerLimit)
        }
        let start = 8 + Int(length)
        guard start <= bytes.count else { throw .truncated(file: file, expected: start, found: bytes.count) }
        let fields: [String: Fields]
        do throws(JSONError) {
            (fields, metadata) = try Self.parse(bytes[8..<start].copied)
        } catch {
            if case .duplicateKey(let key) = error.problem {
                throw .badHeader(file: file, problem: .duplicateKey(key))
            }
            throw .badJSON(file: file, offset: 8 + error.offset, problem: error.problem)
        }
        let end: Int
        do throws(HeaderProblem) {
            var entries: [String: Entry] = [:]
            for (key, fields) in fields { entries[key] = try fields.checked(key: key, dataStart: start) }
            end = try Self.checkCoverage(entries, dataStart: start)
            self.entries = entries
        } catch {
            throw .badHeader(file: file, problem: error)
        }
        guard end <= bytes.count else { throw .truncated(file: file, expected: end, found: bytes.count) }
        guard end == bytes.count else { throw .trailing(file: file, expected: end, found: bytes.count) }
        self.file = file
        self.bytes = bytes
    }

    /// The tensor under `key`.
    package func tensor(_ key: String) throws(WeightError) -> StoredTensor {
        guard let entry = entries[key] else { throw .missing(key: key, file: file) }
        guard let dtype = entry.dtype else { throw .dtype(key: key, file: file, found: entry.dtypeName) }
        let data = bytes[entry.range]
        return StoredTensor(
            bytes: data.isAligned(to: dtype.byteWidth) ? data : data.aligned(), dtype: dtype, shape: Shape(entry.shape))
    }

    package func bytes(of key: String) -> HostBytes? { entries[key].map { bytes[$0.range] } }

    /// What the header says about one tensor, not yet checked.
    private struct Fields {
        var dtype: String?
        var shape: [Int]?
        /// First byte and the byte behind the last, from the start of the data.
        var offsets: [Int]?

        func checked(key: String, dataStart: Int) throws(HeaderProblem) -> Entry {
            guard let dtype else { throw .missingField(key: key, field: "dtype") }
            guard let shape else { throw .missingField(key: key, field: "shape") }
            guard let offsets, offsets.count == 2 else { throw .missingField(key: key, field: "data_offsets") }
            guard let width = Safetensors.widths[dtype] else { throw .unknownDType(key: key, name: dtype) }
            guard shape.count <= Safetensors.rankLimit else {
                throw .tooManyDimensions(key: key, rank: shape.count, limit: Safetensors.rankLimit)
            }
            var size = width
            for extent in shape {
                // An extent of 0 counts as 1, so that no partial product can overflow later.
                let (product, overflow) = size.multipliedReportingOverflow(by: max(extent, 1))
                if overflow { throw .shapeOverflows(key: key, shape: shape) }
                size = product
            }
            if shape.contains(0) { size = 0 }
            let (begin, end) = (offsets[0], offsets[1])
            guard begin <= end else { throw .reversedRange(key: key, begin: begin, end: end) }
            guard end - begin == size else {
                throw .sizeMismatch(key: key, dtype: dtype, shape: shape, begin: begin, end: end)
            }
            let (last, overflow) = end.addingReportingOverflow(dataStart)
            if overflow { throw .sizeMismatch(key: key, dtype: dtype, shape: shape, begin: begin, end: end) }
            return Entry(dtypeName: dtype, shape: shape, range: dataStart + begin..<last)
        }
    }

    private static func parse(
        _ header: [UInt8]
    ) throws(JSONError) -> (fields: [String: Fields], metadata: [String: String]) {
        var scanner = try JSONScanner(header)
        var all: [String: Fields] = [:]
        var metadata: [String: String] = [:]
        try scanner.openObject()
        while let key = try scanner.nextKey() {
            guard key != "__metadata__" else {
                guard case .object(let members) = try scanner.value() else { continue }
                for (name, value) in members {
                    if case .string(let text) = value { metadata[String(decoding: name, as: UTF8.self)] = text }
                }
                continue
            }
            var fields = Fields()
            try scanner.openObject()
            while let field = try scanner.nextKey() {
                switch field {
                case "dtype": fields.dtype = try scanner.string()
                case "shape": fields.shape = try scanner.counts(limit: 1000)
                case "data_offsets": fields.offsets = try scanner.counts(limit: 2)
                default: try scanner.skipValue()
                }
            }
            guard all.updateValue(fields, forKey: key) == nil else { throw scanner.error(.duplicateKey(key)) }
        }
        try scanner.end()
        return (all, metadata)
    }

    /// Where the data end, provided that the tensors follow each other without gap and overlap.
    private static func checkCoverage(_ entries: [String: Entry], dataStart: Int) throws(HeaderProblem) -> Int {
        let ordered = entries.sorted {
            ($0.value.range.lowerBound, $0.value.range.upperBound, $0.key)
                < ($1.value.range.lowerBound, $1.value.range.upperBound, $1.key)
        }
        var end = dataStart
        var previous = ""
        for (key, entry) in ordered {
            let begin = entry.range.lowerBound
            if begin < end { throw .overlap(key: key, other: previous) }
            if begin > end { throw .gap(key: key, expected: end - dataStart, found: begin - dataStart) }
            end = entry.range.upperBound
            previous = key
        }
        return end
    }
}

extension JSONScanner {
    /// An array of whole numbers from 0 to `Int.max`, without point or exponent, at most `limit` of them.
    fileprivate mutating func counts(limit: Int) throws(JSONError) -> [Int] {
        var values: [Int] = []
        try openArray()
        while try nextElement() {
            guard values.count < limit else { throw error(.tooManyElements(limit: limit)) }
            guard let value = Int(String(decoding: try number(), as: UTF8.self)), value >= 0 else {
                throw error(.expected("a whole number from 0 to \(Int.max)"))
            }
            values.append(value)
        }
        return values
    }
}
