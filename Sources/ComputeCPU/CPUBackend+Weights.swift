import CKernels
import COneDNN
package import Compute

/// A matrix for `linear`: rows as stored, or packed in the layout that oneDNN likes best.
@safe
final class MatrixStorage: Storage {
    let host: HostStorage
    let dtype: DType
    /// oneDNN's layout; nil for plain rows.
    let packing: Layout?
    /// Plain rows of a packed matrix, where a product has needed them.
    fileprivate var unpacked: HostStorage?

    init(_ host: HostStorage, _ dtype: DType, packing: Layout? = nil) {
        self.host = host
        self.dtype = dtype
        self.packing = packing
    }

    var byteCount: Int { host.byteCount + (unpacked?.byteCount ?? 0) }
    var isPacked: Bool { packing != nil }
}

extension CPUBackend {
    package func resident(_ stored: StoredTensor) throws(ComputeError) -> Tensor {
        if stored.format.quantisation != nil, stored.hasWholeRows {
            return Tensor(storage: QuantisedStorage(stored), shape: stored.shape, dtype: stored.dtype)
        }
        return try dense(stored)
    }

    /// A tensor's numbers where they are, copied only where that is no place for them, or widened.
    func dense(_ stored: StoredTensor) throws(ComputeError) -> Tensor {
        guard stored.format.quantisation == nil else { return try dequantised(stored) }
        let isAligned = unsafe UInt(bitPattern: stored.bytes.address) % UInt(stored.dtype.byteWidth) == 0
        guard !isAligned else {
            return Tensor(storage: HostStorage(viewing: stored.bytes), shape: stored.shape, dtype: stored.dtype)
        }
        let out = try allocate(stored.shape, stored.dtype)
        unsafe target(out).copyMemory(from: stored.bytes.address, byteCount: out.byteCount)
        return out
    }

    package func vector(_ stored: StoredTensor) throws(ComputeError) -> Tensor {
        try converted(stored, to: .f32)
    }

    package func linearWeight(_ stored: StoredTensor, for dtype: DType) throws(ComputeError) -> LinearWeight {
        let (rows, columns) = (stored.shape[0], stored.matrixColumns)
        if stored.format.quantisation != nil, stored.hasWholeRows {
            return LinearWeight(
                storage: QuantisedStorage(stored), outFeatures: rows, inFeatures: columns, format: stored.format,
                dtype: dtype)
        }
        let storage: MatrixStorage
        if multipliesAlone, dtype == .f32 {
            // Widened in every product, block by block, rather than once for all.
            storage = MatrixStorage(try host(dense(stored)), stored.dtype)
        } else if stored.dtype != dtype, computesNatively(dtype),
            let packed = try packed(stored, rows: rows, columns: columns, dtype)
        {
            storage = packed
        } else {
            storage = MatrixStorage(try host(converted(stored, to: dtype)), dtype)
        }
        return LinearWeight(
            storage: storage, outFeatures: rows, inFeatures: columns, format: .dense(storage.dtype), dtype: dtype)
    }

    package func serves(_ stored: DType, for dtype: DType) -> Bool {
        stored == dtype || multipliesAlone && dtype == .f32
    }

    /// Whether oneDNN multiplies in this dtype here.
    func computesNatively(_ dtype: DType) -> Bool { dtype == .f32 || hasNativeBF16 }

    /// The stored elements in `dtype`, copied only where that differs.
    func converted(_ stored: StoredTensor, to dtype: DType) throws(ComputeError) -> Tensor {
        let view = try dense(stored)
        guard stored.dtype != dtype else { return view }
        let out = try allocate(stored.shape, dtype)
        try copy(view, into: out)
        stored.bytes.dropPages()
        return out
    }

    /// The rows of a matrix in plain order.
    func rows(of matrix: MatrixStorage, count: Int, width: Int) throws(ComputeError) -> HostStorage {
        guard let packing = matrix.packing else { return matrix.host }
        if let unpacked = matrix.unpacked { return unpacked }
        let target = try HostStorage(count * width * matrix.dtype.byteWidth, from: pool)
        let plain = try Layout([width, count], matrix.dtype, CDNN_ORDER_BA)
        try unsafe oneDNN.reorder(
            matrix.host.address, packing, into: target.address, plain, for: "\(count)x\(width) unpacked",
            acceptsLoop: true)
        matrix.unpacked = target
        return target
    }

    /// A matrix whose dtype has to change anyway: the one copy is made in oneDNN's own layout.
    ///
    /// Nil where oneDNN has no kernel for that.
    private func packed(
        _ stored: StoredTensor, rows: Int, columns: Int, _ dtype: DType
    ) throws(ComputeError) -> MatrixStorage? {
        let source = try stored.dtype == .f16 ? converted(stored, to: dtype) : dense(stored)
        _ = useThreads(forOperations: 8 * rows * columns)
        guard let layout = try packedLayout(rows: rows, columns: columns, dtype) else { return nil }
        let target = try HostStorage(layout.byteCount, from: pool)
        let plain = try Layout([columns, rows], source.dtype, CDNN_ORDER_BA)
        let isDone = try unsafe oneDNN.reorder(
            address(source), plain, into: target.address, layout, for: "\(rows)x\(columns) \(source.dtype) to \(dtype)")
        guard isDone else { return nil }
        stored.bytes.dropPages()
        return MatrixStorage(target, dtype, packing: layout)
    }

    private func host(_ x: Tensor) -> HostStorage {
        guard let storage = x.storage as? HostStorage else { preconditionFailure("tensor of another backend") }
        return storage
    }
}

/// A convolution kernel: the stored elements, and the layouts that oneDNN asked for.
@safe
final class KernelStorage: Storage {
    let stored: Tensor
    let byteCount: Int
    private(set) var variants: [(tap: Int, layout: Layout, host: HostStorage)] = []
    private var ours: OwnKernel?

    init(_ stored: Tensor) {
        self.stored = stored
        byteCount = stored.byteCount
    }

    /// The elements of slice `tap` in time in `layout`, made by `pack` the first time.
    func packed(
        tap: Int, _ layout: Layout, orPack pack: () throws(ComputeError) -> HostStorage?
    ) throws(ComputeError) -> HostStorage? {
        for variant in variants where variant.tap == tap && variant.layout.isSame(as: layout) {
            return variant.host
        }
        guard let host = try pack() else { return nil }
        variants.append((tap, layout, host))
        return host
    }

    /// The same for CKernels, made by `make` the first time.
    func forCKernels(orMake make: () throws(ComputeError) -> OwnKernel) throws(ComputeError) -> OwnKernel {
        if let ours { return ours }
        let own = try make()
        ours = own
        return own
    }
}
