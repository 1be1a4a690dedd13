import CKernels
package import Compute

extension CUDABackend {
    package func allocate(_ shape: Shape, _ dtype: DType) throws(ComputeError) -> Tensor {
        let (bytes, overflow) = shape.count.multipliedReportingOverflow(by: dtype.byteWidth)
        guard !overflow else { throw .outOfMemory(requested: .max, backend: name) }
        let storage = try DeviceStorage(bytes, from: pool)
        uploads.ledger?.note(storage)
        let out = Tensor(storage: storage, shape: shape, dtype: dtype)
        // All bits set are NaN in every floating dtype.
        if poisonsMemory { try fill(out, 0xff) }
        return out
    }

    package func upload(_ values: [Float], _ shape: Shape) throws(ComputeError) -> Tensor {
        precondition(values.count == shape.count, "\(values.count) values for \(shape)")
        let out = try allocate(shape, .f32)
        try unsafe copy(values.span.bytes, to: out)
        return out
    }

    func upload(_ values: [Int32]) throws(ComputeError) -> Tensor {
        let out = try allocate([values.count], .i32)
        try unsafe copy(values.span.bytes, to: out)
        return out
    }

    /// The driver takes pageable bytes before it returns.
    private func copy(_ bytes: RawSpan, to out: Tensor) throws(ComputeError) {
        guard bytes.byteCount > 0 else { return }
        let status = unsafe bytes.withUnsafeBytes { bytes in
            unsafe context.call.cuMemcpyHtoDAsync_v2(address(out), bytes.baseAddress, bytes.count, stream.handle)
        }
        try context.check(status, "cuMemcpyHtoDAsync")
    }

    package func download(_ x: Tensor) throws(ComputeError) -> [Float] {
        guard x.count > 0 else { return [] }
        var floats = x
        if x.dtype != .f32 {
            floats = try allocate(x.shape, .f32)
            try copy(x, into: floats)
        }
        var status: Int32 = 0
        let values = unsafe [Float](unsafeUninitializedCapacity: x.count) { buffer, count in
            unsafe status = context.call.cuMemcpyDtoHAsync_v2(
                buffer.baseAddress, address(floats), floats.byteCount, stream.handle)
            if status == 0 {
                unsafe status = context.call.cuStreamSynchronize(stream.handle)
                // The array must not go away while a copy is on its way to it.
                if status != 0 { try? stream.synchronize() }
            }
            count = x.count
        }
        try context.check(status, "cuMemcpyDtoHAsync")
        return values
    }

    package func startDownload(_ x: Tensor) throws(ComputeError) -> any PendingBytes {
        precondition(x.dtype == .u8, "bytes of a tensor of \(x.dtype)")
        return try PinnedBytes(address(x), count: x.count, from: pinned)
    }

    package func copy(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        precondition(x.count == out.count, "copy of \(x.shape) into \(out.shape)")
        guard x.count > 0 else { return }
        guard x.dtype == out.dtype else { return try elementwise("convert_\(x.dtype)_\(out.dtype)", x, into: out) }
        try unsafe context.check(
            context.call.cuMemcpyDtoDAsync_v2(address(out), address(x), x.byteCount, stream.handle),
            "cuMemcpyDtoDAsync")
    }

    package func zero(_ out: Tensor) throws(ComputeError) { try fill(out, 0) }

    private func fill(_ out: Tensor, _ byte: UInt8) throws(ComputeError) {
        guard out.count > 0 else { return }
        try unsafe context.check(
            context.call.cuMemsetD8Async(address(out), byte, out.byteCount, stream.handle), "cuMemsetD8Async")
    }

    package func record(_ body: () throws(ComputeError) -> Void) throws(ComputeError) -> (any Recording)? {
        // Recordings run one after another, so they share what lies between their inputs and outputs.
        let reserve = reserve ?? MemoryPool.Reserve(of: pool)
        self.reserve = reserve
        // The first run brings the reserve all the memory that the second needs.
        try pool.using(reserve, body)
        return try GraphRecording(on: stream, reserve: reserve) { () throws(ComputeError) in
            try pool.using(reserve, isComplete: true, body)
        }
    }
}
