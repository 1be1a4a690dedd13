package import CKernels
package import Compute

/// A quantised matrix where its checkpoint keeps it: it takes no other memory.
@safe
final class QuantisedStorage: Storage {
    private let stored: StoredTensor

    init(_ stored: StoredTensor) {
        self.stored = stored
    }

    var byteCount: Int { stored.bytes.count + (stored.scales?.values.count ?? 0) }

    /// CKernels' view of it, valid while `body` runs.
    func withMatrix<R>(_ body: (UnsafePointer<ck_quantised>) -> R) -> R {
        guard let format = stored.format.quantisation else { preconditionFailure("\(stored.format) is not quantised") }
        let (rows, columns) = (stored.shape[0], stored.matrixColumns)
        let span = stored.scales?.span(rows: rows, columns: columns) ?? (rows: 1, columns: 1)
        let scales = unsafe stored.scales?.values.address.assumingMemoryBound(to: Float.self)
        var matrix = unsafe ck_quantised(
            data: stored.bytes.address, format: format.ck, rows: rows, columns: columns, scales: scales,
            scale_rows: span.rows, scale_columns: span.columns,
            scale_rows_above: stored.scales?.rowsAbove ?? 0)
        return withExtendedLifetime(stored) { unsafe body(&matrix) }
    }
}

extension CPUBackend {
    /// The numbers of a quantised tensor in f32.
    func dequantised(_ stored: StoredTensor) throws(ComputeError) -> Tensor {
        let out = try allocate(stored.shape, .f32)
        let address = unsafe target(out).assumingMemoryBound(to: Float.self)
        unsafe QuantisedStorage(stored.asMatrix).withMatrix { matrix in
            unsafe ck_dequantise(address, matrix, 0, matrix.pointee.rows, workers)
        }
        stored.bytes.dropPages()
        return out
    }

    /// Rows of a quantised table.
    func embedding(_ ids: [Int32], _ table: QuantisedStorage, into out: Tensor) throws(ComputeError) {
        let rows = out.dtype == .f32 ? out : try allocate(out.shape, .f32)
        let (first, width) = (unsafe target(rows).assumingMemoryBound(to: Float.self), out.shape.last)
        unsafe table.withMatrix { matrix in
            for (index, id) in ids.enumerated() {
                unsafe ck_dequantise(first + index * width, matrix, Int(id), 1, workers)
            }
        }
        if out.dtype != .f32 { try copy(rows, into: out) }
    }
}

extension StoredTensor {
    /// The same as rows of whole blocks, if need be a single one.
    fileprivate var asMatrix: StoredTensor {
        shape.rank > 1 && hasWholeRows ? self : reshaped([1, shape.count])
    }
}

extension Quantisation {
    /// CKernels' name of it.
    package var ck: ck_format {
        switch self {
        case .q4_0: CK_FORMAT_Q4_0
        case .q4_1: CK_FORMAT_Q4_1
        case .q5_0: CK_FORMAT_Q5_0
        case .q5_1: CK_FORMAT_Q5_1
        case .q8_0: CK_FORMAT_Q8_0
        case .q2K: CK_FORMAT_Q2_K
        case .q3K: CK_FORMAT_Q3_K
        case .q4K: CK_FORMAT_Q4_K
        case .q5K: CK_FORMAT_Q5_K
        case .q6K: CK_FORMAT_Q6_K
        case .iq4NL: CK_FORMAT_IQ4_NL
        case .iq4XS: CK_FORMAT_IQ4_XS
        case .e4m3: CK_FORMAT_E4M3
        case .e5m2: CK_FORMAT_E5M2
        case .int8: CK_FORMAT_INT8
        }
    }
}
