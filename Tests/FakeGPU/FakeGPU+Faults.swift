import KernelEmulation

/// What shall go wrong, and what was called.
extension FakeGPU {
    /// Every call so far: the function's name and what it returned.
    package var log: [(function: String, result: Int)] {
        unsafe (0..<fake_cuda_log_length(machine)).compactMap { index in
            unsafe fake_cuda_log_function(machine, index).map { name in
                unsafe (String(cString: name), Int(fake_cuda_log_result(machine, index)))
            }
        }
    }

    /// The program's own bytes on the GPU.
    package var usedBytes: Int { unsafe Int(fake_cuda_used_bytes(machine, 0)) }

    /// The most of them that there were.
    package var peakBytes: Int { unsafe Int(fake_cuda_peak_bytes(machine, 0)) }

    /// From now on it is known which work may run beside which copy.
    package func remember() { unsafe fake_cuda_remember(machine) }

    /// Copies from pinned memory since then, and how many of them no work may run beside.
    package var copies: (all: Int, alone: Int) {
        var count = 0
        let alone = unsafe fake_cuda_copies_without_work(machine, &count)
        return (count, alone)
    }

    /// Lets the nth call of a function from now on do nothing but return `error`; if sticky, the context dies of it.
    package func fail(_ function: String, _ nth: Int, _ error: Int, isSticky: Bool = false) {
        unsafe fake_cuda_fail_call(machine, function, Int32(nth), Int32(error), isSticky ? 1 : 0)
    }

    /// Lets the nth kernel from now on die of `error`.
    package func failKernel(_ nth: Int, _ error: Int) {
        unsafe fake_cuda_fail_kernel(machine, Int32(nth), Int32(error))
    }

    /// Lets the GPU be gone after so many more calls of any function.
    package func lose(afterCalls calls: Int, _ error: Int) {
        unsafe fake_cuda_lose_gpu(machine, 0, Int32(calls), Int32(error))
    }

    /// Memory of the GPU that another process holds from now on.
    package func take(_ bytes: Int) { unsafe fake_cuda_set_taken(machine, 0, UInt64(bytes)) }

    package func forgetViolations() { unsafe fake_cuda_forget_violations(machine) }
}
