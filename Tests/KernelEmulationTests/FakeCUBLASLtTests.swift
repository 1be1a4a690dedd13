import CKernels
import TestTools
import Testing

/// Row-major out [m, n] = x [m, k] · w [n, k]ᵀ + bias, as the library sees it: column-major outᵀ = w · xᵀ.
private struct Product {
    var (m, n, k) = (3, 4, 8)
    var input = CK_LT_R_32F, output = CK_LT_R_32F

    var desc, w, x, out, preference: Handle
    let handle: Handle
    let fake: FakeMachine

    init(_ fake: FakeMachine, input: Int = CK_LT_R_32F, output: Int = CK_LT_R_32F) {
        self.fake = fake
        (self.input, self.output) = (input, output)
        var handle: cublasLtHandle_t?
        #expect(unsafe fake.blas.cublasLtCreate(&handle) == 0)
        self.handle = unsafe Handle(handle)
        var desc: cublasLtMatmulDesc_t?
        #expect(unsafe fake.blas.cublasLtMatmulDescCreate(&desc, Int32(CK_LT_COMPUTE_32F), 0) == 0)
        self.desc = unsafe Handle(desc)
        var transpose = Int32(CK_LT_TRANSPOSE)
        #expect(unsafe fake.blas.cublasLtMatmulDescSetAttribute(desc, Int32(CK_LT_DESC_TRANSA), &transpose, 4) == 0)
        func layout(_ dtype: Int, _ rows: Int, _ columns: Int) -> Handle {
            var layout: cublasLtMatrixLayout_t?
            let result = unsafe fake.blas.cublasLtMatrixLayoutCreate(
                &layout, Int32(dtype), UInt64(rows), UInt64(columns), Int64(rows))
            #expect(result == 0)
            return unsafe Handle(layout)
        }
        w = layout(input, k, n)
        x = layout(input, k, m)
        out = layout(output, n, m)
        var preference: cublasLtMatmulPreference_t?
        #expect(unsafe fake.blas.cublasLtMatmulPreferenceCreate(&preference) == 0)
        self.preference = unsafe Handle(preference)
    }

    func setBias(_ address: ck_address, dtype: Int?) {
        var (epilogue, address) = (UInt32(CK_LT_EPILOGUE_BIAS), address)
        let desc = unsafe desc.pointer
        #expect(unsafe fake.blas.cublasLtMatmulDescSetAttribute(desc, Int32(CK_LT_DESC_EPILOGUE), &epilogue, 4) == 0)
        let place = Int32(CK_LT_DESC_BIAS_POINTER)
        #expect(unsafe fake.blas.cublasLtMatmulDescSetAttribute(desc, place, &address, 8) == 0)
        if let dtype {
            var value = Int32(dtype)
            let place = Int32(CK_LT_DESC_BIAS_DTYPE)
            #expect(unsafe fake.blas.cublasLtMatmulDescSetAttribute(desc, place, &value, 4) == 0)
        }
    }

    func allow(workspace bytes: UInt64) {
        var bytes = bytes
        let attribute = Int32(CK_LT_PREFERENCE_MAX_WORKSPACE_BYTES)
        let preference = unsafe preference.pointer
        let result = unsafe fake.blas.cublasLtMatmulPreferenceSetAttribute(preference, attribute, &bytes, 8)
        #expect(result == 0)
    }

    func choose() -> (choice: ck_lt_choice, found: Int32, result: Int32) {
        var (choice, found) = (ck_lt_choice(), Int32(-1))
        let result = unsafe fake.blas.cublasLtMatmulAlgoGetHeuristic(
            handle.pointer, desc.pointer, w.pointer, x.pointer, out.pointer, out.pointer, preference.pointer, 1,
            &choice,
            &found)
        return (choice, found, result)
    }

    func run(
        _ choice: ck_lt_choice, w wAddress: ck_address, x xAddress: ck_address, out outAddress: ck_address,
        workspace: (address: ck_address, bytes: Int) = (0, 0), _ stream: Handle
    ) -> Int32 {
        var (alpha, beta, algorithm): (Float, Float, ck_lt_algorithm) = (1, 0, choice.algorithm)
        return unsafe fake.blas.cublasLtMatmul(
            handle.pointer, desc.pointer, &alpha, wAddress, w.pointer, xAddress, x.pointer, &beta, outAddress,
            out.pointer, outAddress, out.pointer, &algorithm, workspace.address, workspace.bytes, stream.pointer)
    }

    func destroy() {
        let layouts = [w, x, out].map { unsafe fake.blas.cublasLtMatrixLayoutDestroy($0.pointer) }
        #expect(layouts == [0, 0, 0])
        #expect(unsafe fake.blas.cublasLtMatmulDescDestroy(desc.pointer) == 0)
        #expect(unsafe fake.blas.cublasLtMatmulPreferenceDestroy(preference.pointer) == 0)
        #expect(unsafe fake.blas.cublasLtDestroy(handle.pointer) == 0)
    }
}

@Suite(.bounded) struct FakeCUBLASLtTests {
    /// Small integers, exact in bf16.
    private func values(_ count: Int, _ step: Int) -> [Float] { (0..<count).map { Float($0 * step % 7 - 3) } }

    private func expected(_ product: Product, x: [Float], w: [Float], bias: [Float]) -> [Float] {
        (0..<product.m * product.n).map { place in
            let (row, column) = (place / product.n, place % product.n)
            return (0..<product.k).reduce(bias[column]) {
                $0 + x[row * product.k + $1] * w[column * product.k + $1]
            }
        }
    }

    /// Two bf16 in the bits of a float.
    private func packed(_ values: [Float]) -> [Float] {
        stride(from: 0, to: values.count, by: 2).map {
            Float(bitPattern: values[$0].bitPattern >> 16 | values[$0 + 1].bitPattern & 0xffff_0000)
        }
    }

    @Test(arguments: [CK_LT_R_32F, CK_LT_R_16BF], [false, true])
    func `a product in stream order, with its bias`(dtype: Int, hasBias: Bool) throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let product = Product(fake, input: dtype, output: dtype)
        let (x, w) = (values(product.m * product.k, 5), values(product.n * product.k, 3))
        let bias: [Float] = hasBias ? [1, 2, 3, -4] : [0, 0, 0, 0]
        let form = dtype == CK_LT_R_32F ? { $0 } : packed
        let addresses = [x, w, bias].map { array in
            let address = fake.allocate(form(array).count, stream)
            #expect(fake.upload(form(array), to: address, stream) == 0)
            return address
        }
        let result = form(expected(product, x: x, w: w, bias: bias))
        let out = fake.allocate(result.count, stream)
        if hasBias { product.setBias(addresses[2], dtype: nil) }
        product.allow(workspace: 1 << 20)
        let (choice, found, status) = product.choose()
        #expect((found, status) == (1, 0))
        #expect(choice.workspace_bytes == 64 << 10)
        let workspace = (address: fake.allocate(16 << 10, stream), bytes: 64 << 10)
        #expect(product.run(choice, w: addresses[1], x: addresses[0], out: out, workspace: workspace, stream) == 0)
        #expect(fake.download(result.count, from: out, stream).map(\.bitPattern) == result.map(\.bitPattern))
        #expect(product.run(choice, w: addresses[1], x: addresses[0], out: out, stream) == 7, "no workspace")
        product.destroy()
        #expect(fake.violations == [])
        #expect(fake.leaks.allSatisfy { !$0.contains("cuBLASLt") })
    }

    @Test func `what the library does not have is not found`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let mixed = Product(fake, input: CK_LT_R_32F, output: CK_LT_R_16BF)
        #expect(mixed.choose().result == 15)
        let product = Product(fake, input: CK_LT_R_16BF, output: CK_LT_R_16BF)
        #expect(product.choose().found == 1)
        product.setBias(fake.allocate(4, stream), dtype: CK_LT_R_32F)
        #expect(product.choose().result == 15, "a bias of another dtype")
        fake.setNoAlgorithms()
        let plain = Product(fake)
        #expect(plain.choose().found == 0)
        #expect(plain.choose().result == 15)
    }

    @Test func `a product stays inside its arrays and uses its own algorithm`() throws {
        let fake = try FakeMachine()
        let stream = fake.opened()
        let (product, other) = (Product(fake), Product(fake, input: CK_LT_R_16BF))
        let (x, w) = (fake.allocate(24, stream), fake.allocate(32, stream))
        let out = fake.allocate(11, stream)
        #expect(product.run(other.choose().choice, w: w, x: x, out: out, stream) == 15)
        #expect(fake.violations.count == 1)
        #expect(product.run(product.choose().choice, w: w, x: x, out: out, stream) == 0)
        #expect(fake.wait(stream) == 700)
        #expect(fake.violations.count == 2)
    }
}
