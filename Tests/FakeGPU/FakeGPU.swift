import CKernels
package import Compute
package import ComputeCUDA
package import KernelEmulation

/// A machine with a GPU that is not there: NVIDIA's libraries are faked, kernels run in the emulation.
@safe
package final class FakeGPU {
    /// For the functions of fake_cuda.h.
    package let machine: OpaquePointer

    /// - Parameters:
    ///   - major: of the compute capability, as `minor`.
    ///   - schedule: when queued work runs, FAKE_SCHEDULE_….
    ///   - configure: changes the machine before it is made.
    @safe package init(
        _ major: Int32 = 8, _ minor: Int32 = 0, schedule: Int = FAKE_SCHEDULE_LATE, seed: UInt64 = 1,
        configure: (inout fake_cuda_config) -> Void = { _ in }
    ) {
        var config = unsafe fake_cuda_defaults(major, minor)
        unsafe config.schedule = Int32(schedule)
        unsafe config.seed = seed
        unsafe configure(&config)
        guard let machine = unsafe fake_cuda_create(&config) else { preconditionFailure("no machine was made") }
        unsafe self.machine = machine
    }

    deinit { unsafe fake_cuda_destroy(machine) }

    package var libraries: CUDALibraries { CUDALibraries(self) }

    /// A backend whose memory ends where its tensors end, so that a kernel that goes on is seen.
    ///
    /// - Parameter granule: blocks of memory are multiples of this.
    package func backend(
        _ ordinal: Int = 0, cache: CubinCache? = nil, granule: Int = 16
    ) throws(ComputeError) -> CUDABackend {
        try CUDABackend(
            ordinal, libraries, cache: cache, threads: 1,
            tuning: CUDABackend.Tuning(memoryGranularity: granule, slabBytes: 1 << 16))
    }

    /// What went wrong so far.
    package var violations: [String] {
        unsafe (0..<fake_cuda_violation_count(machine)).map { unsafe String(cString: fake_cuda_violation(machine, $0)) }
    }

    /// Runs what is queued and says what went wrong, what was not given back included: for the end.
    package func finish() -> [String] {
        unsafe fake_cuda_finish(machine)
        return violations
    }

    /// How often a function of the libraries was called.
    package func calls(_ function: String) -> Int { unsafe Int(fake_cuda_calls(machine, function)) }

    /// How often a kernel ran, nil for all.
    package func runs(_ kernel: String? = nil) -> Int { unsafe Int(fake_cuda_kernel_runs(machine, kernel)) }
}

extension FakeGPU: LibrarySource {
    package func candidates(for library: CUDALibrary) -> [LibraryCandidate] {
        let major =
            switch library {
            case .driver, .management: 0
            case .compiler, .products: 12
            }
        return [LibraryCandidate(name: library.rawValue, major: major)]
    }

    package func open(_ candidate: LibraryCandidate) throws(LibraryFailure) -> SharedLibrary {
        let first =
            switch CUDALibrary(rawValue: candidate.name) {
            case .compiler: "nvrtcVersion"
            case .products: "cublasLtCreate"
            case .management: "nvmlInit_v2"
            case .driver, nil: "cuInit"
            }
        guard unsafe fake_cuda_symbol(UnsafeMutableRawPointer(machine), first) != nil else {
            throw LibraryFailure(name: candidate.name, reason: "there is no such library")
        }
        return unsafe SharedLibrary(
            standIn: candidate.name, context: UnsafeMutableRawPointer(machine), owner: self,
            lookup: fake_cuda_symbol)
    }
}
