package import Compute
import TorchFiles

/// The tensors of a file that torch.save wrote.
package struct TorchTensors: TensorFile {
    package let file: String
    package let format = "torch.save"
    package let entries: [String: TensorEntry]
    private let tensors: [String: TorchFile.Tensor]
    private let bytes: HostBytes

    /// - Parameters:
    ///   - bytes: the whole file.
    ///   - file: how errors name it.
    package init(_ bytes: HostBytes, file: String) throws(WeightError) {
        do throws(TorchProblem) {
            tensors = try bytes.withBytes { (span) throws(TorchProblem) in try TorchFile(span) }.tensors
        } catch {
            throw .badTorchFile(file: file, problem: error)
        }
        entries = tensors.mapValues { TensorEntry(dtypeName: $0.dtype, shape: $0.shape, range: $0.range) }
        self.file = file
        self.bytes = bytes
    }

    package func tensor(_ key: String) throws(WeightError) -> StoredTensor {
        guard let place = tensors[key], let entry = entries[key] else { throw .missing(key: key, file: file) }
        guard let dtype = entry.dtype else { throw .dtype(key: key, file: file, found: entry.dtypeName) }
        let data = bytes[place.range]
        guard place.isContiguous else {
            return StoredTensor(
                bytes: HostBytes(Self.gathered(data, place, width: dtype.byteWidth)), dtype: dtype,
                shape: Shape(place.shape))
        }
        return StoredTensor(
            bytes: data.isAligned(to: dtype.byteWidth) ? data : data.aligned(), dtype: dtype, shape: Shape(place.shape))
    }

    package func bytes(of key: String) -> HostBytes? {
        guard let place = tensors[key], place.isContiguous else { return nil }
        return bytes[place.range]
    }

    /// The elements in order, wherever their strides have them.
    private static func gathered(_ data: HostBytes, _ place: TorchFile.Tensor, width: Int) -> [UInt8] {
        var offsets = [0]
        for (extent, stride) in zip(place.shape, place.strides) {
            offsets = offsets.flatMap { start in (0..<extent).map { start + $0 * stride } }
        }
        let all = data.copied
        var bytes: [UInt8] = []
        bytes.reserveCapacity(offsets.count * width)
        for offset in offsets { bytes += all[offset * width..<(offset + 1) * width] }
        return bytes
    }
}
