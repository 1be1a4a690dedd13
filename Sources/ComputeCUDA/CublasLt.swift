import CKernels
import Compute

/// Matrix products with nothing fused into them, by cuBLASLt.
///
/// Row-major `x · wᵀ` is the library's column-major `wᵀ · x` read the other way round.
@safe
final class CublasLt {
    private let library: SharedLibrary
    private let table: ck_cublaslt
    private let handle: OpaquePointer
    private let stream: CUDAStream
    private let workspace: DeviceStorage
    private var plans: [Shape: Plan?] = [:]

    /// What decides the algorithm.
    private struct Shape: Hashable {
        let m: Int32
        let n: Int32
        let k: Int32
        let strides: [Int32]
        let out: DType
        let hasBias: Bool
    }

    private static let workspaceBytes = 32 << 20
    private static let planLimit = 256

    /// Nil where the library lacks a function or does not start.
    init?(
        _ library: SharedLibrary, stream: CUDAStream, pool: MemoryPool
    ) throws(ComputeError) {
        var table = ck_cublaslt()
        guard unsafe library.fill(&table, ck_cublaslt_fill) == nil else { return nil }
        self.table = table
        self.library = library
        self.stream = stream
        workspace = try DeviceStorage(Self.workspaceBytes, from: pool)
        var handle: OpaquePointer?
        guard unsafe table.cublasLtCreate(&handle) == 0, let handle = unsafe handle else { return nil }
        unsafe self.handle = handle
    }

    deinit {
        plans.removeAll()
        _ = unsafe table.cublasLtDestroy(handle)
    }

    /// out `[m, n]` = alpha · a `[m, k]` · b `[n, k]`ᵀ + bias; a and b bf16.
    ///
    /// False where that is not the library's: it fuses no epilogue of ours, no bias of another dtype than the result,
    /// and may know no algorithm.
    func product(_ product: ck_gemm_arguments, _ out: DType) throws(ComputeError) -> Bool {
        guard product.epilogue == Int32(CK_EPILOGUE_NONE.rawValue), product.bias == 0 || out == .f32 else {
            return false
        }
        let shape = Shape(
            m: product.m, n: product.n, k: product.k,
            strides: [product.a_stride, product.b_stride, product.out_stride], out: out, hasBias: product.bias != 0)
        guard let plan = try plan(shape) else { return false }
        var (alpha, beta, bias) = (product.alpha, Float(0), product.bias)
        if bias != 0 {
            try unsafe check(
                table.cublasLtMatmulDescSetAttribute(
                    plan.description, Int32(CK_LT_DESC_BIAS_POINTER), &bias, MemoryLayout<ck_address>.size),
                "cublasLtMatmulDescSetAttribute")
        }
        try unsafe check(
            table.cublasLtMatmul(
                handle, plan.description, &alpha, product.b, plan.b, product.a, plan.a, &beta, product.out, plan.out,
                product.out, plan.out, &plan.algorithm, ck_address(workspace.address), Self.workspaceBytes,
                stream.handle),
            "cublasLtMatmul")
        return true
    }

    private func plan(_ shape: Shape) throws(ComputeError) -> Plan? {
        if let plan = plans[shape] { return plan }
        if plans.count >= Self.planLimit { plans.removeAll() }
        let plan = Plan(table)
        try describe(shape, plan)
        let found = try choose(plan) ? plan : nil
        plans[shape] = .some(found)
        return found
    }

    private func describe(_ shape: Shape, _ plan: Plan) throws(ComputeError) {
        let outType = Int32(shape.out == .f32 ? CK_LT_R_32F : CK_LT_R_16BF)
        try unsafe check(
            table.cublasLtMatmulDescCreate(
                &plan.description, Int32(CK_LT_COMPUTE_32F), Int32(CK_LT_R_32F)), "cublasLtMatmulDescCreate")
        try set(plan, CK_LT_DESC_TRANSA, CK_LT_TRANSPOSE)
        if shape.hasBias { try set(plan, CK_LT_DESC_EPILOGUE, CK_LT_EPILOGUE_BIAS) }
        let (a, b) = (Int32(CK_LT_R_16BF), Int32(CK_LT_R_16BF))
        let (m, n, k) = (UInt64(shape.m), UInt64(shape.n), UInt64(shape.k))
        let call = "cublasLtMatrixLayoutCreate"
        try unsafe check(
            table.cublasLtMatrixLayoutCreate(&plan.b, b, k, n, Int64(shape.strides[1])), call)
        try unsafe check(
            table.cublasLtMatrixLayoutCreate(&plan.a, a, k, m, Int64(shape.strides[0])), call)
        try unsafe check(
            table.cublasLtMatrixLayoutCreate(&plan.out, outType, n, m, Int64(shape.strides[2])), call)
    }

    private func set(_ plan: Plan, _ attribute: Int, _ value: Int) throws(ComputeError) {
        var number = Int32(value)
        try unsafe check(
            table.cublasLtMatmulDescSetAttribute(plan.description, Int32(attribute), &number, 4),
            "cublasLtMatmulDescSetAttribute")
    }

    private func check(_ status: Int32, _ call: String) throws(ComputeError) {
        guard status != 0 else { return }
        let backend = stream.context.device.backend
        if Int(status) == CK_LT_ALLOC_FAILED { throw .outOfMemory(requested: 0, backend: backend) }
        // The library has no word for a GPU that is lost, the driver has.
        _ = try stream.context.memory()
        throw .failed(call: call, status: Int(status), reason: "cuBLASLt's status", backend: backend)
    }

    /// Asks for an algorithm; false where there is none.
    private func choose(_ plan: Plan) throws(ComputeError) -> Bool {
        var preference: OpaquePointer?
        try unsafe check(
            table.cublasLtMatmulPreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate")
        defer { _ = unsafe table.cublasLtMatmulPreferenceDestroy(preference) }
        var bytes = Self.workspaceBytes
        try unsafe check(
            table.cublasLtMatmulPreferenceSetAttribute(
                preference, Int32(CK_LT_PREFERENCE_MAX_WORKSPACE_BYTES), &bytes, MemoryLayout<Int>.size),
            "cublasLtMatmulPreferenceSetAttribute")
        var choice = ck_lt_choice()
        var found: Int32 = 0
        let status = unsafe table.cublasLtMatmulAlgoGetHeuristic(
            handle, plan.description, plan.b, plan.a, plan.out, plan.out, preference, 1, &choice, &found)
        plan.algorithm = choice.algorithm
        return status == 0 && found > 0
    }
}

/// A product prepared for one shape.
@safe
private final class Plan {
    private let table: ck_cublaslt
    var description: OpaquePointer?
    var a: OpaquePointer?
    var b: OpaquePointer?
    var out: OpaquePointer?
    var algorithm = ck_lt_algorithm()

    init(_ table: ck_cublaslt) {
        self.table = table
    }

    deinit {
        if unsafe a != nil { _ = unsafe table.cublasLtMatrixLayoutDestroy(a) }
        if unsafe b != nil { _ = unsafe table.cublasLtMatrixLayoutDestroy(b) }
        if unsafe out != nil { _ = unsafe table.cublasLtMatrixLayoutDestroy(out) }
        if unsafe description != nil { _ = unsafe table.cublasLtMatmulDescDestroy(description) }
    }
}
