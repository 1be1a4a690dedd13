import CKernels
import Compute
import Foundation
import TestTools
import Testing

@testable import ComputeCUDA

/// Our kernels through the compilers that users have: no serialized products, exponentials beside them, no spills but
/// for one that is known.
///
/// What a text becomes is always the same: where `Snapshots/machine-code.txt` has it, it is not compiled again.
@Suite(.bounded(minutes: 20)) struct CompileMatrixTests {
    /// Verdicts outlive a run: what has not changed is not compiled again.
    private static let cache = CubinCache(folder: NVRTCWheel.folder + "/cubins", limitBytes: 1 << 30)

    @Test(.needs("the compilers of CUDA: make nvrtc") { NVRTCWheel.areComplete }, arguments: NVRTCWheel.all)
    func `every kernel becomes good machine code`(wheel: NVRTCWheel) throws {
        let compiler = try #require(try wheel.compiler(), "make nvrtc fetches it")
        #expect(compiler.version == wheel.version)
        let known = try MachineCodeRecord.entries()
        var found: [String: MachineCode] = [:]
        for number in wheel.architectures {
            let gpu = GPUArchitecture(number: number)
            let builder = CubinBuilder(compiler: compiler, cache: Self.cache, gpu: gpu, driver: wheel.version)
            for module in CompileMatrix.modules(wheel, number) {
                guard let target = compiler.target(for: gpu, module) else {
                    let hasNone = module.needsWarpgroups && (number != 90 || wheel.version.major < 12)
                    #expect(hasNone, "\(module.name), \(number)")
                    continue
                }
                let key = CubinKey(module: module, target: target, compiler: wheel.version, driver: wheel.version)
                let kept = known[key.fileName]
                if let kept, !CompileMatrix.compilesAlways(module) {
                    Self.judge(kept, module, target)
                    continue
                }
                switch builder.build(module) {
                case .failure(let error): Issue.record("\(module.name), \(target): \(error)")
                case .success(let cubin):
                    let code = try MachineCode(cubin, module, target)
                    Self.judge(code, module, target)
                    #expect(kept == nil || kept == code, "\(key.fileName): \(MachineCodeRecord.name) is wrong")
                    found[key.fileName] = code
                }
            }
        }
        #expect(Self.cache.warning == nil)
        try MachineCodeRecord.note(found, of: wheel, known)
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

    /// Looks for what the machine code must and must not contain.
    private static func judge(_ code: MachineCode, _ module: KernelModule, _ target: String) {
        #expect(code.kernels > 0, "\(module.name), \(target)")
        for (kernel, bytes) in code.spilledBytes where !maySpill(kernel, target) {
            Issue.record("\(kernel), \(target): \(bytes) bytes of stack and spills")
        }
        guard let wanted = MachineCode.products(of: module), MachineCode.isRead(target) else { return }
        guard let instructions = code.instructions else {
            Issue.record("\(module.name), \(target): nobody has read its instructions")
            return
        }
        #expect(instructions.contains(wanted), "\(module.name), \(target): no \(wanted)")
        for instruction in ["LDL", "STL"] {
            #expect(!instructions.contains(instruction), "\(module.name), \(target): \(instruction)")
        }
        guard module.name == "attention_sm90" else { return }
        for (kernel, keys) in [
            ("attention_sm90_64", CK_ATTENTION_SM90_64_KEYS), ("attention_sm90_128", CK_ATTENTION_SM90_128_KEYS),
        ] {
            let count = code.exponentialsBesideProducts?[kernel] ?? 0
            #expect(count >= keys / 2, "\(kernel), \(target): \(count) exponentials run beside a product")
        }
    }

    /// On the newest GPUs the widest portable kernel is a few words short of registers with some compilers.
    private static func maySpill(_ kernel: String, _ target: String) -> Bool {
        kernel == "attention_128_wide" && ["sm_100", "sm_103", "sm_110"].contains(target)
    }
}
