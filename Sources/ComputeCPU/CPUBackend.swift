package import CKernels
import COneDNN
package import Compute
import Files
import Glibc

/// The backend for the processor: oneDNN for matrix products and convolutions of CPUs with AVX-512, CKernels for
/// everything else.
@safe
package final class CPUBackend: Backend {
    package let name = "cpu"
    /// Threads that share the work.
    package let threads: Int
    /// Where tensors live; tells how much they take.
    package let pool = MemoryPool(HostMemory())

    let oneDNN = OneDNN()
    /// CKernels' threads.
    let workers: OpaquePointer
    /// Whether oneDNN computes in bf16 on this CPU.
    let hasNativeBF16: Bool
    /// Products of fewer multiplications than this, or of few rows, are CKernels' work; with 0, none is.
    package var ownProductLimit: Int
    let products = RecentlyUsed<ProductKey, ProductRoute>(limit: 256)
    let convolutions = RecentlyUsed<ConvolutionKey, Primitive?>(limit: 256)

    /// - Parameter threads: how many share the work, the caller included.
    package convenience init(threads: Int) throws(ComputeError) {
        try self.init(threads: threads, hasNativeBF16: Self.hasNativeBF16)
    }

    /// - Parameters:
    ///   - threads: how many share the work, the caller included.
    ///   - hasNativeBF16: whether oneDNN is asked for products in bf16; false is the path of older CPUs.
    ///   - level: the most that our own kernels use of the CPU's instructions.
    package init(threads: Int, hasNativeBF16: Bool, level: ck_isa = InstructionSet.highestLevel) throws(ComputeError) {
        precondition(threads > 0, "\(threads) threads")
        if let word = InstructionSet.unknownLimit {
            let words = InstructionSet.allCases.map(\.rawValue).joined(separator: ", ")
            throw ComputeError.unavailable(
                backend: "cpu", reason: "\(InstructionSet.variable) is \(word), which is none of \(words)")
        }
        guard let workers = unsafe ck_pool_create(Int32(clamping: threads), level) else {
            throw ComputeError.unavailable(backend: "cpu", reason: "cannot start \(threads) threads")
        }
        self.threads = threads
        self.hasNativeBF16 = hasNativeBF16
        unsafe self.workers = workers
        // With AVX2 CKernels are the faster ones at any size; with AVX alone oneDNN is, by more than twice.
        unsafe ownProductLimit = ck_pool_isa(workers) == CK_ISA_AVX2 ? .max : 8_000_000
        if !multipliesAlone { try OneDNN.open() }
    }

    deinit { unsafe ck_pool_destroy(workers) }

    /// Whether CKernels compute all products and convolutions.
    var multipliesAlone: Bool { ownProductLimit == .max }

    /// From now on nothing is computed: tensors hold nothing in particular, however large they are, and who would
    /// compute what is taken down.
    ///
    /// So a model of any size can be asked what it would run here.
    package func onlyDecide() {
        unsafe ck_pool_rest(workers)
        oneDNN.rests = true
    }

    /// Whether an implementation of oneDNN's, by its name, may run.
    package var acceptsImplementation: (String) -> Bool {
        get { oneDNN.acceptsImplementation }
        set { oneDNN.acceptsImplementation = newValue }
    }

    /// Since `onlyDecide`, by what was asked for: who would compute it, in oneDNN's words or "CKernels".
    package var decisions: [String: String] { oneDNN.decisions }

    // MARK: facts about this machine

    /// The machine's physical memory without what tensors hold; nil since `onlyDecide`, when they fill none.
    package var memoryBytes: Int? {
        guard !oneDNN.rests else { return nil }
        let (pages, size) = (sysconf(Int32(_SC_PHYS_PAGES)), sysconf(Int32(_SC_PAGESIZE)))
        return pages > 0 && size > 0 ? max(0, pages * size - pool.currentBytes) : nil
    }

    package var peakDeviceBytes: Int? { nil }
    package var copiesWeights: Bool { false }

    /// Where is kept what was measured, for later processes; nil for nowhere.
    package var measurementsFolder: String?
    /// What tells this processor from another in it.
    package var processorName = ""

    /// Whether bf16 is the faster dtype here: the CPU multiplies it directly, or it has been measured.
    package private(set) lazy var prefersBF16: Bool = {
        if unsafe ck_pool_isa(workers) == CK_ISA_AVX512_BF16 { return true }
        let words = unsafe [
            processorName, "\(threads)", String(cString: ck_isa_name(ck_pool_isa(workers))),
            (try? Self.oneDNNVersion()) ?? "",
        ]
        let identity = words.joined(separator: "-").map { $0.isLetter || $0.isNumber ? $0 : "-" }
        let faster = FasterDType(folder: measurementsFolder, identity: String(identity))
        return faster.prefersBF16 { dtype throws(ComputeError) in try productSpeed(dtype, alone: true) }
    }()

    /// Whether oneDNN has bf16 products for this CPU, if only emulated ones.
    package static var hasNativeBF16: Bool {
        InstructionSet.highestLevel.rawValue >= CK_ISA_AVX512.rawValue && OneDNN.hasBF16
    }

    /// The instruction sets that our kernels use: "baseline", "avx2", "avx512", "avx512-bf16".
    package static var instructionSet: String { unsafe String(cString: ck_isa_name(InstructionSet.highestLevel)) }

    /// Whether the user has set a limit to them.
    package static var isLimited: Bool { InstructionSet.limit != nil }

    /// oneDNN's version: "2.6.3".
    package static func oneDNNVersion() throws(ComputeError) -> String { try OneDNN.version() }

    /// The file name that oneDNN is known by.
    package static var oneDNNLibrary: String { OneDNN.libraryName }

    // MARK: what every operation needs

    /// The first byte of a tensor of this backend.
    func address(_ x: Tensor) -> UnsafeMutableRawPointer {
        guard let storage = x.storage as? HostStorage else { preconditionFailure("tensor of another backend") }
        precondition(
            x.byteOffset + x.byteCount <= storage.byteCount,
            "\(x.shape) \(x.dtype) at \(x.byteOffset) exceeds \(storage.byteCount) bytes")
        return unsafe storage.address + x.byteOffset
    }

    /// The first byte of a tensor that an operation writes.
    func target(_ out: Tensor) -> UnsafeMutableRawPointer {
        precondition((out.storage as? HostStorage)?.isWritable == true, "output \(out.shape) is read-only")
        return unsafe address(out)
    }

    /// The elements of an f32 vector.
    func floats(_ x: Tensor, count: Int, _ role: String) -> UnsafeMutablePointer<Float> {
        precondition(x.dtype == .f32 && x.count == count, "\(role) is \(x.shape) \(x.dtype), not [\(count)] f32")
        return unsafe address(x).assumingMemoryBound(to: Float.self)
    }

    /// Memory for the time of one operation.
    func scratch(_ byteCount: Int) throws(ComputeError) -> HostStorage {
        try HostStorage(byteCount, from: pool)
    }

    /// Sets OpenMP's threads for primitives created or run next: work this small is done sooner by one.
    func useThreads(forOperations count: Int) -> Int {
        let used = count < 2_000_000 ? 1 : threads
        if !multipliesAlone, (try? OneDNN.open()) != nil { cdnn_set_threads(Int32(clamping: used)) }
        return used
    }
}

extension DType {
    /// CKernels' name of this dtype.
    var ck: ck_dtype {
        switch self {
        case .f32: CK_DTYPE_F32
        case .bf16: CK_DTYPE_BF16
        case .f16: CK_DTYPE_F16
        case .u8: CK_DTYPE_U8
        case .i32: preconditionFailure("no kernel reads i32")
        }
    }
}
