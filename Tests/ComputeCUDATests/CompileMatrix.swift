import Foundation

@testable import ComputeCUDA

/// Which kernels are compiled by which compiler for which GPU: with WAN_COMPILE_MATRIX=all each by all for all, else so
/// many that every two of them meet.
enum CompileMatrix {
    static let isWhole = ProcessInfo.processInfo.environment["WAN_COMPILE_MATRIX"] == "all"

    /// One architecture of each kind, and those whose kernels differ.
    static let sample = [80, 86, 89, 90, 100, 120]

    /// One small module of each kind, which every run compiles: what is written down is compared with it.
    static func compilesAlways(_ module: KernelModule) -> Bool {
        isWhole || ["attention_sm90", "convolution_simt"].contains(module.name)
    }

    /// What a compiler makes for a GPU.
    static func modules(_ wheel: NVRTCWheel, _ architecture: Int) -> [KernelModule] {
        isWhole ? KernelModule.all : sampled(wheel, architecture)
    }

    /// Turn by turn: the next kernel has the next compiler of those that know the GPU.
    static func sampled(_ wheel: NVRTCWheel, _ architecture: Int) -> [KernelModule] {
        guard let row = sample.firstIndex(of: architecture) else { return [] }
        let compilers = NVRTCWheel.usual.filter { $0.architectures.contains(architecture) }
        let portable = KernelModule.all.filter { !$0.needsWarpgroups }
        let turns = portable.indices.filter { compilers[(row + $0) % compilers.count].version == wheel.version }
        // The others are for one GPU alone: every compiler has them all.
        return KernelModule.all.filter(\.needsWarpgroups) + turns.map { portable[$0] }
    }
}
