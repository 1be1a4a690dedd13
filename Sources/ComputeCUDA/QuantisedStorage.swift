import CKernels
import Compute

/// A quantised matrix on the GPU, as it is stored.
final class QuantisedStorage: Storage {
    let quantisation: Quantisation
    let bytes: Tensor
    let scales: Tensor?
    let scaleSpan: (rows: Int, columns: Int)
    let rowsAbove: Int
    let rows: Int
    let columns: Int

    init(_ stored: StoredTensor, _ quantisation: Quantisation, bytes: Tensor, scales: Tensor?) {
        self.quantisation = quantisation
        self.bytes = bytes
        self.scales = scales
        rows = stored.shape.rank > 1 && stored.hasWholeRows ? stored.shape[0] : 1
        columns = stored.shape.count / max(rows, 1)
        scaleSpan = stored.scales?.span(rows: rows, columns: columns) ?? (1, 1)
        rowsAbove = stored.scales?.rowsAbove ?? 0
    }

    var byteCount: Int { bytes.byteCount + (scales?.byteCount ?? 0) }
}

extension CUDABackend {
    /// Uploads a quantised tensor.
    func quantised(
        _ stored: StoredTensor, _ quantisation: Quantisation, mayBeLate: Bool = false
    ) throws(ComputeError) -> QuantisedStorage {
        let bytes = mayBeLate ? try levels(stored.bytes) : try resident(stored.bytes)
        var scales: Tensor?
        if let stored = stored.scales {
            let values = try allocate([stored.values.count / 4], .f32)
            try uploads.upload(stored.values, to: address(values))
            scales = values
        }
        return QuantisedStorage(stored, quantisation, bytes: bytes, scales: scales)
    }

    private func resident(_ bytes: HostBytes) throws(ComputeError) -> Tensor {
        let out = try allocate([bytes.count], .u8)
        try uploads.upload(bytes, to: address(out))
        return out
    }

    /// Those of a matrix, which may come later than its scales.
    private func levels(_ bytes: HostBytes) throws(ComputeError) -> Tensor {
        guard let late else { return try resident(bytes) }
        let storage = DeviceStorage(bytes.count, laterFrom: pool)
        late.add(storage, bytes) { [unowned self] (storage) throws(ComputeError) in
            try uploads.upload(bytes, to: address(storage))
        }
        return Tensor(storage: storage, shape: [bytes.count], dtype: .u8)
    }

    /// The numbers of a matrix in f32 or bf16, as rows.
    func dequantised(_ matrix: QuantisedStorage, as dtype: DType) throws(ComputeError) -> Tensor {
        let out = try allocate([matrix.rows, matrix.columns], dtype)
        try dequantise(matrix, from: 0, into: out)
        return out
    }

    /// As many numbers of a matrix, from one of them on, as there is room for.
    private func dequantise(
        _ matrix: QuantisedStorage, from first: Int, into out: Tensor
    ) throws(ComputeError) {
        var arguments = ck_dequantise_arguments()
        (arguments.out, arguments.x) = (address(out), address(matrix.bytes))
        if let scales = matrix.scales { arguments.scales = address(scales) }
        (arguments.first, arguments.count) = (Int64(first), Int64(out.count))
        arguments.columns = Int64(matrix.columns)
        arguments.scale_rows = Int64(matrix.scaleSpan.rows)
        arguments.scale_columns = Int64(matrix.scaleSpan.columns)
        arguments.scale_rows_above = Int64(matrix.rowsAbove)
        try launchPieces(
            "dequantise_\(matrix.quantisation.rawValue)_\(out.dtype)", of: "quantised", elements: out.count, arguments)
    }

    /// Rows of a quantised table, one launch each: a text has few words, and a table in f32 takes gigabytes.
    func embedding(_ ids: [Int32], _ table: QuantisedStorage, into out: Tensor) throws(ComputeError) {
        for (index, id) in ids.enumerated() {
            try dequantise(table, from: Int(id) * table.columns, into: out[index..<index + 1])
        }
    }

    /// A tensor's numbers, those of a quantised one in f32.
    func dense(_ stored: StoredTensor) throws(ComputeError) -> Tensor {
        guard let quantisation = stored.format.quantisation else { return try resident(stored) }
        return try dequantised(quantised(stored, quantisation), as: .f32).reshaped(stored.shape)
    }
}
