import CKernels
import Compute
import FakeGPU
import Foundation
import KernelEmulation
import TestSupport
import TestTools
import Testing

@testable import ComputeCUDA

/// Drivers, compilers and kernels that are old, missing, damaged or refused.
@Suite(.bounded) struct LoadingTests {
    private static func kernels(
        _ gpu: FakeGPU, _ cache: CubinCache? = nil, module: String = "softmax"
    ) throws -> KernelLibrary {
        let driver = try gpu.libraries.driver()
        let device = try CUDADevice.find(0, driver)
        let compiler = try gpu.libraries.compiler(for: device.architecture, driver: driver.version)
        return KernelLibrary(
            try CUDAContext(device, driver), compiler, cache, modules: KernelModule.all.filter { $0.name == module },
            threads: 1)
    }

    private struct NoLibraries: LibrarySource {
        func candidates(for library: CUDALibrary) -> [LibraryCandidate] {
            [LibraryCandidate(name: "libabsent.so.1", major: 12)]
        }

        func open(_ candidate: LibraryCandidate) throws(LibraryFailure) -> SharedLibrary {
            try SharedLibrary(opening: candidate.name)
        }
    }

    /// Several machines' compilers on one machine.
    private struct Compilers: LibrarySource {
        let machines: [FakeGPU]

        init(_ versions: [(Int32, Int32)]) {
            machines = versions.map { version in
                FakeGPU { unsafe ($0.nvrtc_major, $0.nvrtc_minor) = version }
            }
        }

        func candidates(for library: CUDALibrary) -> [LibraryCandidate] {
            machines.indices.map { LibraryCandidate(name: "\($0)", major: 0) }
        }

        func open(_ candidate: LibraryCandidate) throws(LibraryFailure) -> SharedLibrary {
            let machine = machines[Int(candidate.name) ?? 0]
            return unsafe SharedLibrary(
                standIn: candidate.name, context: UnsafeMutableRawPointer(machine.machine), owner: machine,
                lookup: fake_cuda_symbol)
        }
    }

    @Test func `a machine without NVIDIA's libraries says so`() {
        let error = #expect(throws: ComputeError.self) { try CUDALibraries(NoLibraries()).driver() }
        guard case .deviceMissing(let name, let reason) = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(name == "cuda")
        #expect(reason.contains("libabsent.so.1: cannot open shared object file"))
    }

    @Test func `a driver that is too old is named with what is needed`() {
        let gpu = FakeGPU { unsafe $0.driver_version = 11030 }
        #expect(throws: ComputeError.driverTooOld(found: "11.3", needed: "11.4", backend: "cuda")) {
            _ = try gpu.libraries.driver()
        }
    }

    @Test func `a GPU that does not exist is answered with those that do`() throws {
        let gpu = FakeGPU { unsafe $0.gpus = 2 }
        let driver = try gpu.libraries.driver()
        let names = try CUDADevice.all(driver).map { "\($0.backend) (\($0.name))" }
        let reason = "this machine has \(names.joined(separator: ", "))"
        #expect(names.count == 2)
        #expect(throws: ComputeError.deviceMissing(name: "cuda:7", reason: reason)) {
            _ = try CUDADevice.find(7, driver)
        }
    }

    @Test func `a GPU without bf16 products is refused`() throws {
        let gpu = FakeGPU(7, 5)
        let driver = try gpu.libraries.driver()
        let error = #expect(throws: ComputeError.self) { try CUDADevice.find(0, driver) }
        #expect(gpu.finish() == [])
        guard case .unavailable("cuda:0", let reason) = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(reason.hasSuffix("has compute capability 7.5, 8.0 is needed"))
    }

    @Test(arguments: [
        (CUDAVersion(13, 0), 90, "13.0"), (CUDAVersion(12, 0), 90, "12.9"), (CUDAVersion(11, 8), 90, "11.8"),
        (CUDAVersion(12, 8), 120, "12.9"), (CUDAVersion(12, 9), 121, "12.9"),
    ])
    func `the newest compiler is taken that the driver accepts`(driver: CUDAVersion, gpu: Int, chosen: String) throws {
        let libraries = CUDALibraries(Compilers([(12, 0), (13, 0), (11, 8), (12, 9)]))
        let compiler = try libraries.compiler(for: GPUArchitecture(number: gpu), driver: driver)
        #expect("\(compiler.version)" == chosen)
    }

    @Test(arguments: [(CUDAVersion(12, 9), 120), (CUDAVersion(11, 8), 80)])
    func `no compiler for this GPU or driver is an error`(driver: CUDAVersion, gpu: Int) {
        let libraries = CUDALibraries(Compilers([(12, 0)]))
        #expect(throws: ComputeError.self) {
            _ = try libraries.compiler(for: GPUArchitecture(number: gpu), driver: driver)
        }
        #expect(throws: ComputeError.compilerMissing(reason: "libnvrtc is not installed", backend: "cuda")) {
            _ = try CUDALibraries(NoLibraries()).compiler(for: .oldest, driver: driver)
        }
    }

    @Test func `warpgroup kernels are for sm_90 and NVRTC 12 alone`() throws {
        for (version, gpu, target) in [
            ((12, 0), 90, "sm_90a"), ((13, 0), 90, "sm_90a"), ((11, 8), 90, nil), ((13, 0), 120, nil),
            ((13, 0), 89, nil),
        ] as [((Int32, Int32), Int, String?)] {
            let compiler = try #require(CUDALibraries(Compilers([version])).compilers().first)
            let module = KernelModule(name: "m", text: "", needsWarpgroups: true)
            #expect(compiler.target(for: GPUArchitecture(number: gpu), module) == target)
        }
    }

    @Test func `a kernel is found, loaded once and unloaded`() throws {
        let gpu = FakeGPU()
        do {
            let kernels = try Self.kernels(gpu)
            let first = try kernels.function("softmax_f32", in: "softmax")
            let second = try kernels.function("softmax_f32", in: "softmax")
            #expect(unsafe first.handle == second.handle)
            #expect(gpu.calls("cuModuleLoadData") == 1)
            #expect(kernels.has("softmax") && !kernels.has("attention_sm90"))
            #expect(throws: ComputeError.self) { _ = try kernels.function("absent", in: "softmax") }
            #expect(throws: ComputeError.self) { _ = try kernels.function("absent", in: "absent") }
        }
        #expect(gpu.finish() == [])
    }

    @Test(arguments: [("attention", "attention_64", 100), ("softmax", "softmax_f32", -1)])
    func `kernels that live by shared memory ask for all of it`(module: String, kernel: String, share: Int32) throws {
        let gpu = FakeGPU()
        do {
            let kernels = try Self.kernels(gpu, module: module)
            let function = try kernels.function(kernel, in: module)
            var value: Int32 = 0
            let call = unsafe try gpu.libraries.driver().call
            #expect(
                unsafe call.cuFuncGetAttribute(&value, Int32(CK_FUNCTION_SHARED_CARVEOUT), function.handle) == 0)
            #expect(value == share)
        }
        #expect(gpu.finish() == [])
    }

    @Test func `a spill costs a portable kernel little, and is told`() throws {
        let gpu = FakeGPU()
        unsafe fake_cuda_set_spill(gpu.machine, "softmax_f32", 16, 32, nil)
        let kernels = try Self.kernels(gpu)
        _ = try kernels.function("softmax_f32", in: "softmax")
        let spilling = kernels.compiled().kernels.first { $0.name == "softmax_f32" }
        #expect(spilling?.stackBytes == 16 && spilling?.spilledBytes == 64)
    }

    @Test func `a spill beside warpgroup products is an error that names the kernel`() throws {
        let gpu = FakeGPU(9, 0)
        unsafe fake_cuda_set_spill(gpu.machine, "attention_sm90_64", 16, 32, nil)
        let kernels = try Self.kernels(gpu, module: "attention_sm90")
        let error = #expect(throws: ComputeError.self) {
            try kernels.function("attention_sm90_128", in: "attention_sm90")
        }
        guard case .kernelRejected("attention_sm90 for sm_90a", let reason, _) = error else {
            Issue.record("\(error as Any)")
            return
        }
        #expect(reason.hasPrefix("attention_sm90_64 has 16 bytes of stack"))
    }

    @Test func `what does not compile says why`() throws {
        let gpu = FakeGPU()
        unsafe fake_cuda_fail_compilation(gpu.machine, "softmax", "softmax.cuh(3): error: expected a \";\"")
        let kernels = try Self.kernels(gpu)
        let error = #expect(throws: ComputeError.self) { try kernels.function("softmax_f32", in: "softmax") }
        let reason = "softmax.cuh(3): error: expected a \";\""
        #expect(error == .kernelRejected(kernel: "softmax for sm_80", reason: reason, backend: "cuda"))
    }

    @Test func `the second run compiles nothing, and a refused entry is compiled again`() throws {
        let folder = try TemporaryFolder()
        let cache = CubinCache(folder: folder.file("cache"))
        let first = FakeGPU()
        _ = try Self.kernels(first, cache).function("softmax_f32", in: "softmax")
        #expect(first.calls("nvrtcCompileProgram") == 1)
        let second = FakeGPU()
        _ = try Self.kernels(second, cache).function("softmax_f32", in: "softmax")
        #expect(second.calls("nvrtcCompileProgram") == 0)
        let third = FakeGPU()
        unsafe fake_cuda_fail_call(third.machine, "cuModuleLoadData", 1, 200, 0)
        _ = try Self.kernels(third, cache).function("softmax_f32", in: "softmax")
        #expect(third.calls("nvrtcCompileProgram") == 1)
        #expect(third.calls("cuModuleLoadData") == 2)
    }

    @Test(arguments: [
        (2, ComputeError.outOfMemory(requested: 64, backend: "cuda:0")),
        (700, .deviceLost(call: "cuMemGetInfo", reason: "CUDA_ERROR_ILLEGAL_ADDRESS", backend: "cuda:0")),
        (1, .failed(call: "cuMemGetInfo", status: 1, reason: "CUDA_ERROR_INVALID_VALUE", backend: "cuda:0")),
    ])
    func `a failed call becomes the error that it means`(status: Int, expected: ComputeError) throws {
        let gpu = FakeGPU()
        let driver = try gpu.libraries.driver()
        let context = try CUDAContext(CUDADevice.find(0, driver), driver)
        let error = #expect(throws: ComputeError.self) {
            try context.check(Int32(status), "cuMemGetInfo", requested: 64)
        }
        // The driver's own words follow the name.
        switch (error, expected) {
        case (.deviceLost(let call, let reason, _), .deviceLost(let wanted, let name, _)),
            (.failed(let call, _, let reason?, _), .failed(let wanted, _, let name?, _)):
            #expect(call == wanted)
            #expect(reason.hasPrefix("\(name) ("))
        default: #expect(error == expected)
        }
    }
}
