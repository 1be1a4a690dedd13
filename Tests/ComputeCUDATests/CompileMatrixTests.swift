import CKernels
import Compute
import Foundation
import TestSupport
import TestTools
import Testing

@testable import ComputeCUDA

/// Our kernels through the compilers that users have: no serialized products, exponentials beside them, no spills but
/// for one that is known.
@Suite(.bounded(minutes: 20)) struct CompileMatrixTests {
    /// Verdicts outlive a run: what has not changed is not compiled again.
    private static let cache = CubinCache(folder: NVRTCWheel.folder + "/cubins", limitBytes: 1 << 30)

    @Test(.needs("the compilers of CUDA: make nvrtc") { NVRTCWheel.areComplete }, arguments: NVRTCWheel.all)
    func `every kernel becomes good machine code`(wheel: NVRTCWheel) throws {
        let compiler = try #require(try wheel.compiler(), "make nvrtc fetches it")
        #expect(compiler.version == wheel.version)
        for number in wheel.architectures {
            let gpu = GPUArchitecture(number: number)
            let builder = CubinBuilder(compiler: compiler, cache: Self.cache, gpu: gpu, driver: wheel.version)
            for module in CompileMatrix.modules(wheel, number) {
                guard let target = compiler.target(for: gpu, module) else {
                    let hasNone = module.needsWarpgroups && (number != 90 || wheel.version.major < 12)
                    #expect(hasNone, "\(module.name), \(number)")
                    continue
                }
                switch builder.build(module) {
                case .failure(let error): Issue.record("\(module.name), \(target): \(error)")
                case .success(let cubin): try Self.inspect(cubin, module, target)
                }
            }
        }
        #expect(Self.cache.warning == nil)
    }

    @Test func `in the sample every kernel meets every compiler and every GPU, and these each other`() {
        let (wheels, numbers) = (NVRTCWheel.usual, CompileMatrix.sample)
        for wheel in wheels {
            for number in numbers {
                let isPortable = CompileMatrix.sampled(wheel, number).contains { !$0.needsWarpgroups }
                #expect(isPortable == wheel.architectures.contains(number), "\(wheel.version), \(number)")
            }
        }
        for module in KernelModule.all {
            for wheel in wheels {
                let isMet = numbers.contains { CompileMatrix.sampled(wheel, $0).contains(module) }
                #expect(isMet, "\(module.name), \(wheel.version)")
            }
            for number in numbers {
                let isMet = wheels.contains { CompileMatrix.sampled($0, number).contains(module) }
                #expect(isMet, "\(module.name), \(number)")
            }
        }
    }

    /// Modules whose work is matrix products on the tensor cores.
    private static let productModules: Set = ["attention", "gemm", "convolution"]

    /// Looks for what the machine code must and must not contain.
    private static func inspect(_ cubin: Cubin, _ module: KernelModule, _ target: String) throws {
        #expect(!cubin.log.kernels.isEmpty, "\(module.name), \(target)")
        for kernel in cubin.log.kernels where !maySpill(kernel.name, target) {
            let bytes = kernel.stackBytes + kernel.spilledBytes
            #expect(bytes == 0, "\(kernel.name), \(target): \(bytes) bytes of stack and spills")
        }
        let wanted = module.needsWarpgroups ? "HGMMA" : productModules.contains(module.name) ? "HMMA" : nil
        // One architecture of each kind is enough: what differs between them is the registers, which the log tells.
        guard let wanted, target == "sm_90a" || target == "sm_80" else { return }
        let disassembler = try #require(NVRTCWheel.disassembler)
        let folder = try TemporaryFolder()
        try Data(cubin.bytes).write(to: URL(fileURLWithPath: folder.file("cubin")))
        let listing = try Subprocess(disassembler, ["-c", folder.file("cubin")])
        #expect(listing.status == 0, "\(listing.errors)")
        func has(_ instruction: String) -> Bool { listing.output.contains(" \(instruction).") }
        #expect(has(wanted), "\(module.name), \(target): no \(wanted)")
        for instruction in ["LDL", "STL"] {
            let isThere = has(instruction) || listing.output.contains(" \(instruction) ")
            #expect(!isThere, "\(module.name), \(target): \(instruction)")
        }
        guard module.name == "attention_sm90" else { return }
        for (kernel, keys) in [
            ("attention_sm90_64", CK_ATTENTION_SM90_64_KEYS), ("attention_sm90_128", CK_ATTENTION_SM90_128_KEYS),
        ] {
            let count = exponentialsBesideProducts(in: listing.output, kernel)
            #expect(count >= keys / 2, "\(kernel), \(target): \(count) exponentials run beside a product")
        }
    }

    /// On the newest GPUs the widest portable kernel is a few words short of registers with some compilers.
    private static func maySpill(_ kernel: String, _ target: String) -> Bool {
        kernel == "attention_128_wide" && ["sm_100", "sm_103", "sm_110"].contains(target)
    }

    /// The most exponentials between a wait that leaves one group of products running and one that leaves none.
    private static func exponentialsBesideProducts(in listing: String, _ kernel: String) -> Int {
        var most = 0
        var isKernel = false
        var count: Int?
        for line in listing.split(separator: "\n") {
            let words = line.split(whereSeparator: \.isWhitespace)
            if words.first == ".section" {
                isKernel = words.count > 1 && words[1].hasPrefix(".text.\(kernel),")
            } else if isKernel, line.contains("WARPGROUP.DEPBAR") {
                if line.contains("gsb0, 0x0") { most = max(most, count ?? 0) }
                count = line.contains("gsb0, 0x1") ? 0 : nil
            } else if isKernel, line.contains("MUFU.EX2") {
                count = count.map { $0 + 1 }
            }
        }
        return most
    }
}
