import Backends
import Compute
import ComputeCPU
import ComputeCUDA
import FakeGPU
import Foundation
import KernelEmulation
import TestSupport
import TestTools
import Testing
import VideoProvider
import VideoTypes

@testable import wan_infer

/// Which device a command computes on, and what it says of GPUs that do not serve.
@Suite(.bounded) struct GPUChoiceTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func gpus(_ gpu: FakeGPU, cache: String = "cache") -> GPUs {
        GPUs(libraries: gpu.libraries, cache: CubinCache(folder: folder.file(cache)))
    }

    /// A machine that a GPU cannot be used on, with what is said of it.
    struct Broken: CustomStringConvertible {
        let description: String
        let gpu: FakeGPU
        let code: VideoError.Code
        let message: String
        let hint: String
    }

    private static var broken: [Broken] {
        [
            Broken(
                description: "no NVRTC", gpu: FakeGPU { unsafe $0.nvrtc_major = 0 }, code: .compilerMissing,
                message: "nothing compiles kernels for cuda: libnvrtc is not installed", hint: "make setup-cuda"),
            Broken(
                description: "an old NVRTC", gpu: FakeGPU(12, 0) { unsafe ($0.nvrtc_major, $0.nvrtc_minor) = (12, 0) },
                code: .compilerMissing,
                message: "nothing compiles kernels for cuda: NVRTC 12.0 (libnvrtc) does not serve a GPU of compute "
                    + "capability 12.0 with a driver for CUDA 12.9", hint: "make setup-cuda"),
            Broken(
                description: "an old driver", gpu: FakeGPU { unsafe $0.driver_version = 11030 }, code: .driverTooOld,
                message: "the driver of cuda is for CUDA 11.3, 11.4 is needed", hint: "install a newer driver"),
            Broken(
                description: "an old GPU", gpu: FakeGPU(7, 5), code: .deviceUnavailable,
                message: "cuda:0 is not available: Fake GPU has compute capability 7.5, 8.0 is needed",
                hint: "run wan-infer doctor"),
        ]
    }

    @Test func `a machine without a GPU computes on the processor without a word`() throws {
        let without = FakeGPU { unsafe $0.gpus = 0 }
        let nothing = GPUs(libraries: CUDALibraries(LibrarySearch(variables: [:], root: folder.path)), cache: nil)
        for (gpus, reason) in [
            (gpus(without), "the driver finds no GPU"), (nothing, "NVIDIA's driver is not installed"),
        ] {
            let choice = try BackendChoice(.automatic, threads: 1, gpus: gpus)
            #expect(choice.backend is CPUBackend)
            #expect(choice.remarks(in: .command) == [] && choice.laterRemarks == [])
            let error = #expect(throws: VideoError.self) { try BackendChoice(.cuda(0), threads: 1, gpus: gpus) }
            #expect(error?.code == .deviceNotFound)
            #expect(error?.message == "there is no cuda: \(reason)")
            let found = GPUFindings(gpus: gpus).devices()
            #expect(found.findings.map(\.line) == ["  ok  GPU        none, and not needed: \(reason)"])
            #expect(found.failure == nil && !found.isUsed)
        }
    }

    @Test func `a GPU that works is taken`() throws {
        let gpu = FakeGPU(9, 0)
        do {
            let choice = try BackendChoice(.automatic, threads: 1, gpus: gpus(gpu))
            #expect(choice.backend.name == "cuda:0")
            #expect(choice.remarks(in: .command) == [] && choice.laterRemarks == [])
        }
        #expect(gpu.finish() == [])
    }

    @Test func `what keeps a GPU from being used is said where nobody asked for it, else an error`() throws {
        var statuses: Set<Int32> = []
        for broken in Self.broken {
            let gpus = gpus(broken.gpu)
            let choice = try BackendChoice(.automatic, threads: 1, gpus: gpus)
            #expect(choice.backend is CPUBackend, "\(broken)")
            #expect(choice.remarks(in: .command).first == "the GPU is not used: \(broken.message)", "\(broken)")
            #expect(
                choice.remarks(in: .command).dropFirst().first?.hasPrefix("hint: \(broken.hint)") == true, "\(broken)")
            let error = #expect(throws: VideoError.self) { try BackendChoice(.cuda(0), threads: 1, gpus: gpus) }
            #expect(error?.code == broken.code && error?.message == broken.message, "\(broken)")
            #expect(error?.hint?.hasPrefix(broken.hint) == true, "\(broken)")
            statuses.insert(error?.code.exitStatus ?? 0)
            let found = GPUFindings(gpus: gpus).devices()
            #expect(found.failure == error && !found.isUsed, "\(broken)")
            #expect(found.findings.filter { !$0.isGood }.map(\.text) == [broken.message], "\(broken)")
            #expect(try BackendChoice(.cpu, threads: 1, gpus: gpus).remarks(in: .command) == [], "\(broken)")
        }
        #expect(statuses == [6, 11, 12])
    }

    @Test func `a GPU that does not exist is answered with those that do`() throws {
        let gpu = FakeGPU { unsafe $0.gpus = 2 }
        unsafe fake_cuda_set_gpu(gpu.machine, 1, "Other GPU", 9, 0, 4, 1 << 30)
        let error = #expect(throws: VideoError.self) { try BackendChoice(.cuda(7), threads: 1, gpus: gpus(gpu)) }
        #expect(error?.code == .deviceNotFound)
        #expect(error?.message == "there is no cuda:7: this machine has cuda:0 (Fake GPU), cuda:1 (Other GPU)")
        #expect(error?.hint?.contains("wan-infer doctor lists the devices") == true)
        do {
            let choice = try BackendChoice(.cuda(1), threads: 1, gpus: gpus(gpu))
            #expect(choice.backend.name == "cuda:1")
        }
        #expect(gpu.finish() == [])
    }

    // MARK: the cache

    @Test func `a cache that cannot be written is told after the run and by doctor`() throws {
        try Data().write(to: URL(filePath: folder.file("file")))
        let gpu = FakeGPU()
        let gpus = gpus(gpu, cache: "file/cache")
        do {
            let choice = try BackendChoice(.automatic, threads: 1, gpus: gpus)
            try Self.compute(on: choice.backend)
            #expect(choice.remarks(in: .command) == [])
            let warning = try #require(choice.laterRemarks.first)
            #expect(warning.hasPrefix("compiled kernels are not kept: cannot "))
            #expect(warning.hasSuffix("/file/cache: Not a directory"))
            let cache = GPUFindings(gpus: gpus).cache
            #expect(cache.failure?.code == .cacheUnusable && cache.failure?.message == warning)
            #expect(cache.failure?.hint?.contains("WAN_INFER_CACHE") == true)
            #expect(!cache.finding.isGood)
        }
        #expect(gpu.finish() == [])
    }

    @Test func `a damaged entry is compiled again without a word`() throws {
        let count = KernelModule.all.filter { !$0.needsWarpgroups }.count
        try use(FakeGPU(), compiling: count)
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.file("cache")).sorted()
        #expect(names.count == count && count > 5)
        for (number, name) in names.enumerated() {
            let url = URL(filePath: folder.file("cache/\(name)"))
            var bytes = try Data(contentsOf: url)
            switch number % 3 {
            case 0: bytes[bytes.count / 2] ^= 1
            case 1: bytes = bytes.prefix(bytes.count / 2)
            default: bytes = Data()
            }
            try bytes.write(to: url)
        }
        try use(FakeGPU(), compiling: count)
        try use(FakeGPU(), compiling: 0)
    }

    /// Computes on a GPU that has so many modules to compile.
    private func use(_ gpu: FakeGPU, compiling count: Int) throws {
        do {
            let choice = try BackendChoice(.automatic, threads: 1, gpus: gpus(gpu))
            try Self.compute(on: choice.backend)
            // What is not begun when the backend goes is not compiled any more.
            #expect(eventually { gpu.calls("nvrtcCompileProgram") >= count })
            #expect(choice.remarks(in: .command) == [] && choice.laterRemarks == [])
            let cache = GPUFindings(gpus: gpus(gpu)).cache
            #expect(cache.failure == nil && cache.finding.text == "kept in \(folder.file("cache"))")
        }
        #expect(gpu.calls("nvrtcCompileProgram") == count)
        #expect(gpu.finish() == [])
    }

    private static func compute(on backend: any Backend) throws {
        let x = try backend.upload([1, 2, 3], [3])
        try backend.combine([(2, x), (1, x)], into: x)
        #expect(try backend.download(x) == [3, 6, 9])
    }

    @Test func `doctor lists what there is`() {
        let gpu = FakeGPU { unsafe $0.gpus = 2 }
        unsafe fake_cuda_set_gpu(gpu.machine, 1, "Old GPU", 7, 5, 4, 1 << 30)
        let found = GPUFindings(gpus: gpus(gpu)).devices()
        #expect(found.failure == nil && found.isUsed)
        #expect(
            found.findings.map(\.line) == [
                "  ok  GPU        cuda:0 Fake GPU, 1.1 GB, compute capability 8.0",
                "  ok  GPU        cuda:1 Old GPU, 1.1 GB, compute capability 7.5, "
                    + "not used: Old GPU has compute capability 7.5, 8.0 is needed",
                "  ok  driver     serves CUDA 12.9", "  ok  NVRTC      12.9 (libnvrtc)",
                "  ok  cuBLASLt   libcublasLt",
            ])
        let bare = FakeGPU { unsafe $0.cublaslt = 0 }
        #expect(
            GPUFindings(gpus: gpus(bare)).devices().findings.last?.line
                == "  ok  cuBLASLt   missing, so all products are ours; \(CUDALibrary.products.remedy)")
    }
}
