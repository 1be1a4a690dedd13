import CKernels
import COneDNN
package import Compute

/// One product: `out [m, n] = after(x [m, k] · matrixᵀ + bias)`.
private struct Product {
    let x: Tensor
    let matrix: MatrixStorage
    let bias: Tensor?
    let after: ProductKey.After
    let gate: Tensor?
    let out: Tensor
    let n: Int
    let k: Int

    var m: Int { x.count / k }

    /// The same for some rows of x and out.
    func rows(_ range: Range<Int>) -> Product {
        let (x, out) = (x.reshaped([m, k])[range], out.reshaped([m, n])[range])
        return Product(x: x, matrix: matrix, bias: bias, after: after, gate: gate, out: out, n: n, k: k)
    }
}

extension CPUBackend {
    package func linear(
        _ x: Tensor, _ weight: LinearWeight, bias: Tensor?, _ epilogue: Epilogue, into out: Tensor
    ) throws(ComputeError) {
        let (n, k) = (weight.outFeatures, weight.inFeatures)
        precondition(
            x.shape.last == k && x.dtype == weight.dtype, "linear [\(n), \(k)] \(weight.dtype) on \(x.shape) \(x.dtype)"
        )
        precondition(
            out.shape.last == n && out.count / n == x.count / k, "linear [\(n), \(k)] of \(x.shape) into \(out.shape)")
        let m = x.count / k
        guard m > 0, try !linearByRuns(x, weight, bias: bias, epilogue, into: out) else { return }
        let (after, gate) = split(epilogue)
        if let matrix = weight.storage as? QuantisedStorage {
            return try multiply(x, matrix, columns: n, bias: bias, after, gate: gate, into: out)
        }
        guard let matrix = weight.storage as? MatrixStorage else { preconditionFailure("weight of another backend") }
        let product = Product(
            x: x, matrix: matrix, bias: bias, after: after, gate: gate, out: out, n: n, k: k)
        let key = ProductKey(
            rows: m, inFeatures: k, outFeatures: n, dtype: x.dtype, outType: out.dtype, isPacked: matrix.isPacked,
            hasBias: bias != nil, after: after, threads: useThreads(forOperations: m * n * k))
        switch try route(key, matrix) {
        case .fused(let primitive):
            try run(primitive, product, vectors: [(bias, "bias"), (gate, "gate")], into: out)
        case .split(let rows):
            try multiply(product, key, rowsAtOnce: rows)
        case .own:
            try multiplyOurselves(product)
        }
    }

    /// The layout oneDNN likes best for a matrix, whatever the number of rows it meets; nil where it has no kernel.
    func packedLayout(rows: Int, columns: Int, _ dtype: DType) throws(ComputeError) -> Layout? {
        let key = ProductKey(
            rows: 512, inFeatures: columns, outFeatures: rows, dtype: dtype, outType: dtype, isPacked: true,
            hasBias: true, after: .nothing, threads: threads)
        let any = try Layout([columns, rows], dtype, CDNN_ORDER_ANY)
        return try productKernel(key, weights: any)?.weightsLayout
    }

    private func run(
        _ primitive: Primitive, _ product: Product, vectors: [(Tensor?, role: String)], into out: Tensor
    ) throws(ComputeError) {
        var arrays = unsafe [address(product.x), product.matrix.host.address, target(out)]
        for case (let vector?, let role) in vectors {
            unsafe arrays.append(UnsafeMutableRawPointer(floats(vector, count: product.n, role)))
        }
        let scratch = try primitive.scratchBytes > 0 ? scratch(primitive.scratchBytes) : nil
        try unsafe primitive.run(arrays, scratch: scratch?.address)
    }

    /// Sums by oneDNN, `rowsAtOnce` rows at a time, each time followed by our pass.
    private func multiply(_ whole: Product, _ key: ProductKey, rowsAtOnce: Int) throws(ComputeError) {
        let n = whole.n
        let sums = try allocate([rowsAtOnce, n], .f32)
        for row in stride(from: 0, to: whole.m, by: rowsAtOnce) {
            let product = whole.rows(row..<min(row + rowsAtOnce, whole.m))
            guard case .fused(let primitive) = try route(key.sums(rows: product.m), product.matrix) else {
                try multiplyOurselves(product)
                continue
            }
            try run(primitive, product, vectors: [], into: sums)
            unsafe ck_finish_sums(
                target(product.out), product.out.dtype.ck, floats(sums, count: sums.count, "sums"),
                product.bias.map { unsafe floats($0, count: n, "bias") }, product.after.ck,
                product.gate.map { unsafe floats($0, count: n, "gate") }, product.m, n, workers)
        }
    }

    private func multiplyOurselves(_ product: Product) throws(ComputeError) {
        let (x, out, matrix) = (product.x, product.out, product.matrix)
        let rows = try rows(of: matrix, count: product.n, width: product.k)
        let done = unsafe ck_gemm(
            target(out), out.dtype.ck, address(x), x.dtype.ck, rows.address, matrix.dtype.ck,
            product.bias.map { unsafe floats($0, count: product.n, "bias") }, product.after.ck,
            product.gate.map { unsafe floats($0, count: product.n, "gate") }, product.m, product.n, product.k, workers)
        guard done else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }

    /// Quantised matrices are CKernels' work.
    private func multiply(
        _ x: Tensor, _ matrix: QuantisedStorage, columns n: Int, bias: Tensor?, _ after: ProductKey.After,
        gate: Tensor?, into out: Tensor
    ) throws(ComputeError) {
        let (target, source) = unsafe (target(out), address(x))
        let (bias, gate) = unsafe (
            bias.map { unsafe floats($0, count: n, "bias") }, gate.map { unsafe floats($0, count: n, "gate") }
        )
        let done = unsafe matrix.withMatrix { matrix in
            unsafe ck_gemm_quantised(
                target, out.dtype.ck, source, x.dtype.ck, matrix, bias, after.ck, gate, out.count / n, workers)
        }
        guard done else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }

    private func split(_ epilogue: Epilogue) -> (ProductKey.After, Tensor?) {
        switch epilogue {
        case .none: (.nothing, nil)
        case .gelu: (.gelu, nil)
        case .silu: (.silu, nil)
        case .add: (.add, nil)
        case .gatedAdd(let gate, _): (.gatedAdd, gate)
        }
    }
}

extension ProductKey.After {
    /// CKernels' name of it.
    fileprivate var ck: ck_epilogue {
        switch self {
        case .nothing: CK_EPILOGUE_NONE
        case .gelu: CK_EPILOGUE_GELU
        case .silu: CK_EPILOGUE_SILU
        case .add: CK_EPILOGUE_ADD
        case .gatedAdd: CK_EPILOGUE_GATED_ADD
        }
    }
}
