import CKernels
package import Compute
import Files
import Glibc

/// How fast this backend is here: floating-point operations a second, two for a multiplication and its addition.
extension CPUBackend {
    /// What its threads can do in f32, from multiplications and additions in registers alone.
    package func peakSpeed() -> Double {
        var best = 0.0
        for _ in 0..<8 {
            let begin = SystemClock.monotonic()
            let operations = unsafe ck_multiply_adds(16 * threads, workers)
            best = max(best, operations / (SystemClock.monotonic() - begin))
        }
        return best
    }

    /// A product of the size of a small transformer's.
    ///
    /// - Parameter alone: counts seconds of the processor's work for this process, whatever else it does meanwhile.
    package func productSpeed(_ dtype: DType, alone: Bool = false) throws(ComputeError) -> Double {
        let (m, n, k) = (512, 768, 768)
        let weight = try linearWeight(ones([n, k], dtype), for: dtype)
        let (x, out) = (try filled([m, k], dtype), try filled([m, n], dtype))
        let bias = try filled([n], .f32)
        return try speed(2 * m * n * k, by: alone ? SystemClock.processor : SystemClock.monotonic) {
            () throws(ComputeError) in
            try linear(x, weight, bias: bias, .gatedAdd(gate: bias), into: out)
        }
    }

    /// A convolution of the size of a decoder's at its start.
    package func convolutionSpeed(_ dtype: DType) throws(ComputeError) -> Double {
        let (side, channels) = (48, 96)
        let weight = try convolutionWeight(ones([channels, channels, 1, 3, 3], dtype), for: dtype)
        let (x, out) = (
            try filled([1, side, side, channels], dtype), try allocate([1, side, side, channels], dtype)
        )
        let bias = try filled([channels], .f32)
        return try speed(2 * side * side * channels * channels * 9, by: SystemClock.monotonic) {
            () throws(ComputeError) in
            try convolution(x, history: [], weight, bias: bias, accumulate: false, into: out)
        }
    }

    /// The best of some runs, after one that also prepares what is kept.
    private func speed(
        _ operations: Int, by clock: () -> Double, _ run: () throws(ComputeError) -> Void
    ) throws(ComputeError) -> Double {
        let start = SystemClock.monotonic()
        try run()
        var best = Double.infinity
        repeat {
            let begin = clock()
            try run()
            best = min(best, clock() - begin)
        } while SystemClock.monotonic() - start < 0.05
        return Double(operations) / best
    }

    private func filled(_ shape: Shape, _ dtype: DType) throws(ComputeError) -> Tensor {
        let out = try allocate(shape, dtype)
        try copy(upload([Float](repeating: 1, count: shape.count), shape), into: out)
        return out
    }

    private func ones(_ shape: Shape, _ dtype: DType) throws(ComputeError) -> StoredTensor {
        let tensor = try filled(shape, dtype)
        let owner = TensorBytes(tensor)
        let bytes = unsafe HostBytes(base: address(tensor), count: tensor.byteCount, owner: owner)
        return StoredTensor(bytes: bytes, dtype: dtype, shape: shape)
    }
}

/// Keeps a tensor whose bytes are used as a checkpoint's.
private final class TensorBytes: @unchecked Sendable {
    // Safe: the tensor was written before anybody else sees it, and is only held here.
    private let tensor: Tensor

    init(_ tensor: Tensor) {
        self.tensor = tensor
    }
}
