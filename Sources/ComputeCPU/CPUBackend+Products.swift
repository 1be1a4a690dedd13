import CKernels
import COneDNN
package import Compute

/// What decides a matrix product's primitive.
struct ProductKey: Hashable {
    enum After: Hashable {
        case nothing
        case gelu
        case silu
        case add
        case gatedAdd
    }

    let rows: Int
    let inFeatures: Int
    let outFeatures: Int
    let dtype: DType
    let outType: DType
    let isPacked: Bool
    let hasBias: Bool
    let after: After
    let threads: Int
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
        guard let matrix = weight.storage as? MatrixStorage else { preconditionFailure("weight of another backend") }
        let m = x.count / k
        guard m > 0 else { return }
        let (after, gate) = split(epilogue)
        let isSmall = m * n * k < ownProductLimit || m < 8 && ownProductLimit > 0
        if !computesNatively(x.dtype) || isSmall && !matrix.isPacked {
            try ownProduct(x, matrix, bias, after, gate, into: out, n: n, k: k)
        } else if x.dtype == .f32, out.dtype != .f32 {
            // oneDNN has no such product.
            let wide = try allocate(out.shape, .f32)
            if after == .add || after == .gatedAdd { try copy(out, into: wide) }
            try product(x, matrix, bias, after, gate, into: wide, n: n, k: k)
            try copy(wide, into: out)
        } else {
            try product(x, matrix, bias, after, gate, into: out, n: n, k: k)
        }
    }

    /// The layout oneDNN likes best for a matrix, whatever the number of rows it meets.
    func packedLayout(rows: Int, columns: Int, _ dtype: DType) throws(ComputeError) -> Layout {
        let key = ProductKey(
            rows: 512, inFeatures: columns, outFeatures: rows, dtype: dtype, outType: dtype, isPacked: true,
            hasBias: true, after: .nothing, threads: threads)
        let any = try Layout([columns, rows], dtype, CDNN_ORDER_ANY)
        return try makeProduct(key, weights: any).weightsLayout
    }

    private func product(
        _ x: Tensor, _ matrix: MatrixStorage, _ bias: Tensor?, _ after: ProductKey.After, _ gate: Tensor?,
        into out: Tensor, n: Int, k: Int
    ) throws(ComputeError) {
        let m = x.count / k
        let key = ProductKey(
            rows: m, inFeatures: k, outFeatures: n, dtype: x.dtype, outType: out.dtype, isPacked: matrix.isPacked,
            hasBias: bias != nil, after: after, threads: useThreads(forOperations: m * n * k))
        let primitive = try products.primitive(key) { () throws(ComputeError) -> Primitive in
            let plain = try Layout([k, n], x.dtype, CDNN_ORDER_BA)
            return try makeProduct(key, weights: matrix.packing ?? plain)
        }
        var arrays = unsafe [address(x), matrix.host.address, target(out)]
        if let bias { unsafe arrays.append(UnsafeMutableRawPointer(floats(bias, count: n, "bias"))) }
        if let gate { unsafe arrays.append(UnsafeMutableRawPointer(floats(gate, count: n, "gate"))) }
        let scratch = try primitive.scratchBytes > 0 ? scratch(primitive.scratchBytes) : nil
        try unsafe primitive.run(arrays, scratch: scratch?.address)
    }

    /// Products in bf16 on CPUs where oneDNN has none.
    private func ownProduct(
        _ x: Tensor, _ matrix: MatrixStorage, _ bias: Tensor?, _ after: ProductKey.After, _ gate: Tensor?,
        into out: Tensor, n: Int, k: Int
    ) throws(ComputeError) {
        let epilogues: [ProductKey.After: ck_epilogue] = [
            .nothing: CK_EPILOGUE_NONE, .gelu: CK_EPILOGUE_GELU, .silu: CK_EPILOGUE_SILU, .add: CK_EPILOGUE_ADD,
            .gatedAdd: CK_EPILOGUE_GATED_ADD,
        ]
        let done = unsafe ck_gemm(
            target(out), out.dtype.ck, address(x), x.dtype.ck, matrix.host.address, matrix.dtype.ck,
            bias.map { unsafe floats($0, count: n, "bias") }, epilogues[after] ?? CK_EPILOGUE_NONE,
            gate.map { unsafe floats($0, count: n, "gate") }, x.count / k, n, k, workers)
        guard done else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }

    private func makeProduct(_ key: ProductKey, weights: Layout) throws(ComputeError) -> Primitive {
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
        let primitive = try unsafe made {
            unsafe cdnn_product_create(
                &$0, oneDNN.engine, out.handle, x.handle, weights.handle, key.hasBias ? vector.handle : nil, after,
                key.after == .gatedAdd ? vector.handle : nil)
        }
        return try unsafe Primitive(consuming: primitive, on: oneDNN)
    }

    private func split(_ epilogue: Epilogue) -> (ProductKey.After, Tensor?) {
        switch epilogue {
        case .none: (.nothing, nil)
        case .gelu: (.gelu, nil)
        case .silu: (.silu, nil)
        case .add: (.add, nil)
        case .gatedAdd(let gate): (.gatedAdd, gate)
        }
    }
}
