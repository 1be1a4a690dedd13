/// The named tensors of a file that torch.save wrote: a zip that holds a pickle and the numbers that it speaks of.
///
/// Nothing in it is run: opcodes and names are read as far as plain weights need them, and everything else is refused.
package struct TorchFile: Sendable {
    /// Numbers in the file.
    package struct Tensor: Sendable, Equatable {
        /// In the words of safetensors.
        package let dtype: String
        package let shape: [Int]
        /// In elements.
        package let strides: [Int]
        /// Bytes of the file from the first element to the last.
        package let range: Range<Int>

        /// Whether the elements lie one behind the other, in order.
        package var isContiguous: Bool {
            var step = 1
            for (extent, stride) in zip(shape, strides).reversed() where extent != 1 {
                guard stride == step else { return false }
                step *= extent
            }
            return true
        }
    }

    package static let rankLimit = 8

    package let tensors: [String: Tensor]

    /// Under which a trainer keeps the weights beside other things.
    private static let wrappers = ["state_dict", "model", "module", "generator_ema"]

    package init(_ file: RawSpan) throws(TorchProblem) {
        let records: [String: Range<Int>]
        do throws(TorchProblem) {
            records = try ZipRecords.find(in: file)
        } catch {
            let isPickle = file.byteCount > 2 && Self.bytes(file, 0..<2) == [0x80, 2]
            throw error == .notAnArchive && isPickle ? .legacy : error
        }
        let names = records.keys.filter { $0.hasSuffix("/data.pkl") || $0 == "data.pkl" }
        guard names.count == 1, let name = names.first, let pickle = records[name] else {
            throw .missingRecord("data.pkl")
        }
        let root = String(name.dropLast("data.pkl".count))
        if let order = records[root + "byteorder"], order.count < 16 {
            guard Self.bytes(file, order) == Array("little".utf8) else { throw .bigEndian }
        }
        guard pickle.count <= PickleReader.byteLimit else {
            throw .tooLarge("bytes of pickle", count: pickle.count, limit: PickleReader.byteLimit)
        }
        var reader = try PickleReader(Self.bytes(file, pickle))
        let found = try Self.named(reader.value())
        var tensors: [String: Tensor] = [:]
        for (key, value) in found {
            let tensor: Tensor
            do throws(TensorProblem) {
                tensor = try Self.place(value, records, root)
            } catch {
                throw .tensor(key, error)
            }
            guard tensors.updateValue(tensor, forKey: key) == nil else { throw .twice(record: key) }
        }
        self.tensors = tensors
    }

    /// The dictionary's own tensors, or those of the one that it wraps.
    private static func named(_ value: PickleValue) throws(TorchProblem) -> [(String, PickleValue.Pickled)] {
        guard case .dict(let items) = value else { throw .noNames(found: value.kind) }
        let own = tensors(items)
        guard own.isEmpty else { return own }
        for wrapper in wrappers {
            guard let index = items.keys.firstIndex(of: wrapper), case .dict(let inner) = items.values[index] else {
                continue
            }
            let found = tensors(inner)
            if !found.isEmpty { return found }
        }
        throw .noNames(found: "a dictionary without tensors")
    }

    private static func tensors(_ items: PickleValue.Items) -> [(String, PickleValue.Pickled)] {
        zip(items.keys, items.values).compactMap { key, value in
            guard case .tensor(let tensor) = value else { return nil }
            return (key, tensor)
        }
    }

    private static let widths = [
        "F64": 8, "F32": 4, "F16": 2, "BF16": 2, "F8_E4M3": 1, "F8_E5M2": 1, "F8_E8M0": 1, "I64": 8, "I32": 4,
        "I16": 2, "I8": 1, "U64": 8, "U32": 4, "U16": 2, "U8": 1, "BOOL": 1,
    ]

    private static func place(
        _ value: PickleValue.Pickled, _ records: [String: Range<Int>], _ root: String
    ) throws(TensorProblem) -> Tensor {
        let record = "data/\(value.storage.record)"
        guard let place = records[root + record] else { throw .storageMissing(record: record) }
        guard let width = widths[value.dtype], let unit = widths[value.storage.dtype] else {
            throw .dtype(value.dtype)
        }
        let (bytes, tooMany) = value.storage.count.multipliedReportingOverflow(by: unit)
        guard !tooMany, bytes == place.count else {
            throw .storageSize(record: record, expected: tooMany ? Int.max : bytes, found: place.count)
        }
        let held = place.count / width
        guard value.shape.count <= rankLimit, value.strides.count == value.shape.count,
            value.shape.allSatisfy({ $0 >= 0 }), value.strides.allSatisfy({ $0 >= 0 }), value.offset >= 0
        else { throw .shape(value.shape) }
        var (last, count) = (value.offset, 1)
        for (extent, stride) in zip(value.shape, value.strides) {
            let (step, wide) = max(extent - 1, 0).multipliedReportingOverflow(by: stride)
            let (sum, far) = last.addingReportingOverflow(step)
            let (product, many) = count.multipliedReportingOverflow(by: extent)
            guard !wide, !far, !many else { throw .shape(value.shape) }
            (last, count) = (sum, product)
        }
        // Of elements that are shown more than once there may be more than there are.
        guard count <= held, count == 0 ? value.offset <= held : last < held else {
            throw .outside(record: record, elements: held)
        }
        let start = place.lowerBound + value.offset * width
        return Tensor(
            dtype: value.dtype, shape: value.shape, strides: value.strides,
            range: start..<(count == 0 ? start : place.lowerBound + (last + 1) * width))
    }

    private static func bytes(_ file: RawSpan, _ range: Range<Int>) -> [UInt8] {
        range.map { unsafe file.unsafeLoad(fromByteOffset: $0, as: UInt8.self) }
    }
}
