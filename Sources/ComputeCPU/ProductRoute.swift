import COneDNN
import Compute

/// What decides a matrix product's route.
struct ProductKey: Hashable {
    enum After: Hashable {
        case nothing
        case gelu
        case silu
        case add
        case gatedAdd
    }

    var rows: Int
    let inFeatures: Int
    let outFeatures: Int
    let dtype: DType
    var outType: DType
    let isPacked: Bool
    var hasBias: Bool
    var after: After
    let threads: Int

    var multiplications: Int { rows * inFeatures * outFeatures }

    /// The sums alone, of `rows` rows.
    func sums(rows: Int) -> ProductKey {
        var key = self
        (key.rows, key.outType, key.hasBias, key.after) = (rows, .f32, false, .nothing)
        return key
    }
}

extension ProductKey: CustomStringConvertible {
    var description: String {
        "product \(rows)x\(inFeatures)x\(outFeatures) \(dtype)\(isPacked ? " packed" : "") to \(outType)"
            + (hasBias ? ", bias" : "") + (after == .nothing ? "" : ", \(after)")
    }
}

/// Who computes a matrix product.
enum ProductRoute: CustomStringConvertible {
    /// oneDNN, with what happens to the sums.
    case fused(Primitive)
    /// oneDNN computes this many rows of sums at a time, CKernels the rest in a pass over them.
    case split(rows: Int)
    /// CKernels.
    case own

    var description: String {
        switch self {
        case .fused(let primitive): primitive.implementation
        case .split(let rows): "sums of \(rows) rows, then a pass"
        case .own: "CKernels"
        }
    }
}

extension CPUBackend {
    /// Decides who computes a product; nobody else does.
    ///
    /// 1. CKernels, where `prefersOwn` says that they are faster, or where oneDNN does not multiply in the dtype;
    /// 2. oneDNN, where it has a kernel for the product and what comes after it;
    /// 3. oneDNN and a pass of CKernels, where it has a kernel for the sums alone;
    /// 4. CKernels, which have all of it.
    func route(_ key: ProductKey, _ matrix: MatrixStorage) throws(ComputeError) -> ProductRoute {
        let route = try chosenRoute(key, matrix)
        oneDNN.note(key.description, route.description)
        return route
    }

    private func chosenRoute(_ key: ProductKey, _ matrix: MatrixStorage) throws(ComputeError) -> ProductRoute {
        if !matrix.isPacked, prefersOwn(key) || !computesNatively(key.dtype) { return .own }
        return try products.value(key) { () throws(ComputeError) -> ProductRoute in
            let plain = try Layout([key.inFeatures, key.outFeatures], key.dtype, CDNN_ORDER_BA)
            let weights = matrix.packing ?? plain
            if let primitive = try productKernel(key, weights: weights) { return .fused(primitive) }
            // Sums that stay in the caches between the product and the pass.
            let rows = min(key.rows, max(256, (2 << 20) / max(key.outFeatures, 1)))
            let hasSums = try productKernel(key.sums(rows: rows), weights: weights) != nil
            return hasSums ? .split(rows: rows) : .own
        }
    }

    /// Whether CKernels beat oneDNN: everywhere with AVX2, else below some size and for few rows, where oneDNN's
    /// preparations take longer than the product.
    private func prefersOwn(_ key: ProductKey) -> Bool {
        key.multiplications < ownProductLimit || key.rows < 8 && ownProductLimit > 0
    }

    func productKernel(_ key: ProductKey, weights: Layout) throws(ComputeError) -> Primitive? {
        let x = try Layout([key.rows, key.inFeatures], key.dtype, CDNN_ORDER_AB)
        let out = try Layout([key.rows, key.outFeatures], key.outType, CDNN_ORDER_AB)
        let vector = try Layout([1, key.outFeatures], .f32, CDNN_ORDER_AB)
        let after: cdnn_after =
            switch key.after {
            case .nothing: CDNN_AFTER_NOTHING
            case .gelu: CDNN_AFTER_GELU
            case .silu: CDNN_AFTER_SILU
            case .add: CDNN_AFTER_ADD
            case .gatedAdd: CDNN_AFTER_GATED_ADD
            }
        defer { withExtendedLifetime((x, weights, out, vector)) {} }
        return try unsafe Primitive.kernel(on: oneDNN) {
            unsafe cdnn_product_create(
                &$0, $1, out.handle, x.handle, weights.handle, key.hasBias ? vector.handle : nil, after,
                key.after == .gatedAdd ? vector.handle : nil)
        }
    }
}
