import Compute
import ComputeCUDA
import FakeGPU
import KernelEmulation
import TestSupport
import TestTools
import Testing

/// Drivers that fail, kernels that die and GPUs that go away in the middle of work.
@Suite(.bounded) struct FaultTests {
    /// A call that is made to fail.
    struct Fault: CustomStringConvertible {
        let function: String
        let nth: Int
        let error: Int
        let isSticky: Bool

        var description: String { "\(function) number \(nth) returns \(error)\(isSticky ? " and all later ones" : "")" }

        var isLibrary: Bool { function.hasPrefix("nvrtc") || function.hasPrefix("cublasLt") }

        /// Whether it gives something back; that then stays where it is.
        var isRelease: Bool {
            ["Free", "Destroy", "Release", "Unload"].contains { function.contains($0) }
        }

        /// Whether work may go on as if nothing had happened.
        var isTolerable: Bool {
            switch function {
            // Our own kernels stand in for the library.
            case "cublasLtCreate", "cublasLtMatmulAlgoGetHeuristic": true
            // Kept memory is given up and asked for again.
            case "cuMemAllocAsync": error == 2
            // Asked before a release too.
            case "cuStreamSynchronize": true
            // Modules that nobody needs may fail to compile.
            default: isRelease || function.hasPrefix("nvrtc")
            }
        }

        /// Whether an error is what this should become.
        func becomes(_ found: ComputeError) -> Bool {
            switch found {
            case .outOfMemory: error == (isLibrary ? 3 : 2) && !function.hasPrefix("nvrtc")
            case .deviceLost: isSticky
            case .failed: isLibrary || error == 1
            case .unavailable: function == "cuInit" || function == "cuDriverGetVersion"
            case .compilerMissing: function == "nvrtcVersion" || function.hasSuffix("SupportedArchs")
            case .kernelRejected: function == "nvrtcCompileProgram"
            default: false
            }
        }
    }

    /// The first, a middle and the last call of every function in a good run, the first with errors of every kind.
    private static func faults(_ log: [String]) -> [Fault] {
        var counts: [String: Int] = [:]
        for function in log { counts[function, default: 0] += 1 }
        return counts.sorted { $0.key < $1.key }.flatMap { function, count -> [Fault] in
            Set([1, (count + 1) / 2, count]).sorted().flatMap { nth -> [Fault] in
                let kinds: [(Int, Bool)] =
                    if function.hasPrefix("nvrtc") {
                        [(1, false)]
                    } else if function.hasPrefix("cublasLt") {
                        [(3, false), (14, false)]
                    } else {
                        [(1, false), (2, false), (700, true)]
                    }
                return (nth == 1 ? kinds : [kinds[nth % kinds.count]]).map {
                    Fault(function: function, nth: nth, error: $0.0, isSticky: $0.1)
                }
            }
        }
    }

    /// Work is too little for threads.
    private static func gpu(_ number: Int) -> FakeGPU {
        FakeGPU(schedule: number % 3, seed: UInt64(number)) { unsafe $0.cpu_threads = 1 }
    }

    @Test func `each call may fail once`() throws {
        let good = FakeGPU()
        let expected = try Workload().run(on: good)
        #expect(good.finish() == [])
        let folder = try TemporaryFolder()
        let cache = CubinCache(folder: folder.file("cache"))
        #expect(try Workload(cache: cache).run(on: FakeGPU()) == expected)
        let faults = Self.faults(good.log.map(\.function))
        #expect(faults.count > 100)
        for (number, fault) in faults.enumerated() {
            let gpu = Self.gpu(number)
            gpu.fail(fault.function, fault.nth, fault.error, isSticky: fault.isSticky)
            let isCompiling = fault.function.hasPrefix("nvrtc")
            do throws(ComputeError) {
                let found = try Workload(cache: isCompiling ? nil : cache).run(on: gpu)
                #expect(fault.isTolerable, "\(fault)")
                #expect(found == expected, "\(fault)")
            } catch {
                #expect(fault.becomes(error), "\(fault): \(error)")
            }
            let leaks = gpu.finish()
            #expect(fault.isRelease || leaks == [], "\(fault): \(leaks)")
            guard fault.error == 1, fault.nth == 1 else { continue }
            gpu.forgetViolations()
            #expect(try Workload(cache: cache).run(on: gpu) == expected, "after \(fault)")
            #expect(gpu.violations == [], "after \(fault)")
        }
    }

    @Test func `whichever kernel dies, the GPU is lost and nothing else happens`() throws {
        let folder = try TemporaryFolder()
        let cache = CubinCache(folder: folder.file("cache"))
        let good = FakeGPU()
        _ = try Workload(cache: cache).run(on: good)
        #expect(good.runs() > 15)
        for nth in 1...good.runs() {
            let gpu = Self.gpu(nth)
            gpu.failKernel(nth, nth % 2 == 0 ? 700 : 719)
            let error = #expect(throws: ComputeError.self) { try Workload(cache: cache).run(on: gpu) }
            guard case .deviceLost(_, let reason, "cuda:0") = error else {
                Issue.record("kernel \(nth): \(error as Any)")
                return
            }
            #expect(reason.hasPrefix(nth % 2 == 0 ? "CUDA_ERROR_ILLEGAL_ADDRESS" : "CUDA_ERROR_LAUNCH_FAILED"))
            #expect(gpu.finish() == [])
        }
    }

    @Test func `whenever the GPU goes away, it is called lost`() throws {
        let folder = try TemporaryFolder()
        let cache = CubinCache(folder: folder.file("cache"))
        let good = FakeGPU()
        let expected = try Workload(cache: cache).run(on: good)
        let log = good.log.map(\.function)
        let start = try #require(log.firstIndex(of: "cuCtxSetCurrent"))
        for (number, calls) in stride(from: start, to: log.count, by: 7).enumerated() {
            let gpu = Self.gpu(number)
            gpu.lose(afterCalls: calls, [46, 719, 999][number % 3])
            do throws(ComputeError) {
                // Only what is given back comes after the last bytes.
                #expect(try Workload(cache: cache).run(on: gpu) == expected)
                let rest = gpu.log.dropFirst(calls + 1).map(\.function)
                #expect(!rest.contains("cuStreamSynchronize") || rest.contains("cuMemFreeHost"), "after \(calls) calls")
            } catch {
                guard case .deviceLost = error else {
                    Issue.record("after \(calls) calls: \(error)")
                    continue
                }
            }
            #expect(gpu.finish() == [], "after \(calls) calls")
        }
    }

    @Test func `a tensor map that is refused is an error, and the next product is right`() throws {
        let gpu = FakeGPU(9, 0)
        do {
            let backend = try gpu.backend()
            let (x, out) = (try backend.allocate([128, 128], .bf16), try backend.allocate([128, 128], .f32))
            let weight = try backend.allocate([128, 128], .bf16)
            for tensor in [x, weight] {
                try backend.copy(backend.upload([Float](repeating: 0.5, count: 128 * 128), [128, 128]), into: tensor)
            }
            let matrix = LinearWeight(storage: weight.storage, outFeatures: 128, inFeatures: 128, dtype: .bf16)
            gpu.fail("cuTensorMapEncodeTiled", 2, 1)
            let error = #expect(throws: ComputeError.self) {
                try backend.linear(x, matrix, bias: nil, .none, into: out)
            }
            guard case .failed("cuTensorMapEncodeTiled", 1, _, "cuda:0") = error else {
                Issue.record("\(error as Any)")
                return
            }
            try backend.linear(x, matrix, bias: nil, .none, into: out)
            #expect(try backend.download(out).allSatisfy { $0 == 32 })
            #expect(gpu.runs("gemm_sm90_128x192") == 1)
        }
        #expect(gpu.finish() == [])
    }
}
