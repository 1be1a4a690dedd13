import CKernels
import KernelEmulation
import Testing

/// A stream, an event, a module …: what the driver gave, as a number.
struct Handle: Hashable {
    let bits: UInt

    init(_ pointer: OpaquePointer?) { bits = UInt(bitPattern: pointer) }
    /// None: the legacy stream, for one.
    init() { bits = 0 }

    var pointer: OpaquePointer? { unsafe OpaquePointer(bitPattern: bits) }
}

/// A fake machine with its tables of functions.
@safe final class FakeMachine {
    private let fake: OpaquePointer
    var cuda = ck_driver()
    var nvrtc = ck_nvrtc()
    var blas = ck_cublaslt()
    /// The first symbol that libcuda, libnvrtc and libcublasLt lack.
    let missing: [String?]

    init(
        _ major: Int32 = 8, _ minor: Int32 = 9, seed: UInt64 = 1, schedule: Int = FAKE_SCHEDULE_LATE,
        hiding: String? = nil, change: (inout Configuration) -> Void = { _ in }
    ) throws {
        var configuration = unsafe fake_cuda_defaults(major, minor)
        unsafe configuration.seed = seed
        unsafe configuration.schedule = Int32(schedule)
        var changed = Configuration()
        change(&changed)
        unsafe changed.apply(to: &configuration)
        guard let machine = unsafe fake_cuda_create(&configuration) else { throw Missing() }
        unsafe fake = machine
        if let hiding { unsafe fake_cuda_hide(machine, hiding) }
        let context = unsafe UnsafeMutableRawPointer(machine)
        missing = unsafe [
            ck_driver_fill(&cuda, fake_cuda_symbol, context).map { unsafe String(cString: $0) },
            ck_nvrtc_fill(&nvrtc, fake_cuda_symbol, context).map { unsafe String(cString: $0) },
            ck_cublaslt_fill(&blas, fake_cuda_symbol, context).map { unsafe String(cString: $0) },
        ]
    }

    deinit { unsafe fake_cuda_destroy(fake) }

    struct Missing: Error {}

    /// What differs from fake_cuda_defaults.
    struct Configuration {
        var gpus: Int32?
        var memoryBytes: UInt64?
        var driverVersion: Int32?
        var nvrtc: (major: Int32, minor: Int32)?
        var cublaslt = true
        var memoryPools = true
        var allocationInCapture = false

        fileprivate func apply(to configuration: inout fake_cuda_config) {
            if let gpus { unsafe configuration.gpus = gpus }
            if let memoryBytes { unsafe configuration.memory_bytes = memoryBytes }
            if let driverVersion { unsafe configuration.driver_version = driverVersion }
            if let nvrtc { unsafe (configuration.nvrtc_major, configuration.nvrtc_minor) = nvrtc }
            unsafe configuration.cublaslt = cublaslt ? 1 : 0
            unsafe configuration.memory_pools = memoryPools ? 1 : 0
            unsafe configuration.allocation_in_capture = allocationInCapture ? 1 : 0
        }
    }

    // ---- What it saw

    var violations: [String] {
        unsafe (0..<fake_cuda_violation_count(fake)).map { unsafe String(cString: fake_cuda_violation(fake, $0)) }
    }
    var leaks: [String] {
        unsafe String(cString: fake_cuda_leaks(fake)).split(separator: "\n").map(String.init)
    }
    /// Function and result of every call.
    var log: [(function: String, result: Int32)] {
        unsafe (0..<fake_cuda_log_length(fake)).map {
            unsafe (String(cString: fake_cuda_log_function(fake, $0)), fake_cuda_log_result(fake, $0))
        }
    }
    var pending: Int { unsafe fake_cuda_pending(fake) }
    var usedBytes: UInt64 { unsafe fake_cuda_used_bytes(fake, 0) }
    var peakBytes: UInt64 { unsafe fake_cuda_peak_bytes(fake, 0) }

    func calls(_ function: String) -> Int { unsafe fake_cuda_calls(fake, function) }
    func runs(_ kernel: String? = nil) -> Int { unsafe fake_cuda_kernel_runs(fake, kernel) }
    func finish() { unsafe fake_cuda_finish(fake) }
    func forgetViolations() { unsafe fake_cuda_forget_violations(fake) }

    // ---- What shall happen

    func fail(_ function: String, nth: Int32 = 1, error: Int32, sticky: Bool = false) {
        unsafe fake_cuda_fail_call(fake, function, nth, error, sticky ? 1 : 0)
    }
    func failKernel(nth: Int32, error: Int32) { unsafe fake_cuda_fail_kernel(fake, nth, error) }
    func loseGPU(_ gpu: Int32 = 0, afterCalls calls: Int32, error: Int32) {
        unsafe fake_cuda_lose_gpu(fake, gpu, calls, error)
    }
    func failCompilation(of part: String, log: String) { unsafe fake_cuda_fail_compilation(fake, part, log) }
    func setSpill(_ kernel: String?, stack: Int32, spill: Int32, diagnostic: String?) {
        unsafe fake_cuda_set_spill(fake, kernel, stack, spill, diagnostic)
    }
    func setNoAlgorithms() { unsafe fake_cuda_set_no_algorithms(fake, 1) }
    func setTaken(_ bytes: UInt64) { unsafe fake_cuda_set_taken(fake, 0, bytes) }
    func setGPU(_ gpu: Int32, _ name: String, _ major: Int32, _ minor: Int32) {
        unsafe fake_cuda_set_gpu(fake, gpu, name, major, minor, 4, 1 << 30)
    }
}
