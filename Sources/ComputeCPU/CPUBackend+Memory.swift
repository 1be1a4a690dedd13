import CKernels
package import Compute

extension CPUBackend {
    package func allocate(_ shape: Shape, _ dtype: DType) throws(ComputeError) -> Tensor {
        let storage = try HostStorage(shape.count * dtype.byteWidth, from: pool)
        return Tensor(storage: storage, shape: shape, dtype: dtype)
    }

    package func upload(_ values: [Float], _ shape: Shape) throws(ComputeError) -> Tensor {
        precondition(values.count == shape.count, "\(values.count) values for \(shape)")
        let out = try allocate(shape, .f32)
        unsafe target(out).copyMemory(from: values, byteCount: out.byteCount)
        return out
    }

    package func upload(_ shape: Shape, by make: () -> [Float]) throws(ComputeError) -> Tensor {
        try oneDNN.rests ? allocate(shape, .f32) : upload(make(), shape)
    }

    package func download(_ x: Tensor) throws(ComputeError) -> [Float] {
        guard !oneDNN.rests else { return [Float](repeating: 0, count: x.count) }
        return unsafe [Float](unsafeUninitializedCapacity: x.count) { buffer, count in
            if let first = buffer.baseAddress {
                unsafe ck_convert(first, CK_DTYPE_F32, address(x), x.dtype.ck, x.count, workers)
            }
            count = x.count
        }
    }

    package func startDownload(_ x: Tensor) throws(ComputeError) -> any PendingBytes {
        precondition(x.dtype == .u8, "bytes of a tensor of \(x.dtype)")
        guard !oneDNN.rests else { return HostPendingBytes([UInt8](repeating: 0, count: x.count)) }
        return unsafe HostPendingBytes([UInt8](UnsafeRawBufferPointer(start: address(x), count: x.count)))
    }

    package func copy(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "copy of \(x.shape) into \(out.shape)")
        if x.dtype == out.dtype, x.byteCount < 1 << 18 || x.dtype == .i32 {
            unsafe target(out).copyMemory(from: address(x), byteCount: x.byteCount)
        } else {
            unsafe ck_convert(target(out), out.dtype.ck, address(x), x.dtype.ck, x.count, workers)
        }
    }

    package func zero(_ out: Tensor) throws(ComputeError) {
        guard !oneDNN.rests else { return }
        unsafe target(out).initializeMemory(as: UInt8.self, repeating: 0, count: out.byteCount)
    }

    /// Calling an operation costs next to nothing here.
    package func record(_ body: () throws(ComputeError) -> Void) throws(ComputeError) -> (any Recording)? {
        try body()
        return nil
    }
}
