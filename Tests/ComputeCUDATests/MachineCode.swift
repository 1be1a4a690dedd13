import Foundation
import TestSupport
import TestTools
import Testing

@testable import ComputeCUDA

/// What is looked at in the machine code of a module.
struct MachineCode: Codable, Equatable {
    let kernels: Int
    /// Of the kernels that keep registers in memory: bytes of stack and of spills.
    let spilledBytes: [String: Int]
    /// Which of those that are looked for occur; nil where nobody has read them.
    let instructions: [String]?
    /// By kernel, of the one module whose products leave time for them.
    let exponentialsBesideProducts: [String: Int]?

    /// Modules whose work is matrix products on the tensor cores, and the instruction that makes them.
    static func products(of module: KernelModule) -> String? {
        module.needsWarpgroups
            ? "HGMMA" : ["attention", "gemm", "convolution"].contains(module.name) ? "HMMA" : nil
    }

    /// One architecture of each kind is enough: what differs between them is the registers, which the log tells.
    static func isRead(_ target: String) -> Bool { target == "sm_90a" || target == "sm_80" }

    init(_ cubin: Cubin, _ module: KernelModule, _ target: String) throws {
        kernels = cubin.log.kernels.count
        var spilled: [String: Int] = [:]
        for kernel in cubin.log.kernels where kernel.stackBytes + kernel.spilledBytes > 0 {
            spilled[kernel.name] = kernel.stackBytes + kernel.spilledBytes
        }
        spilledBytes = spilled
        guard Self.products(of: module) != nil, Self.isRead(target) else {
            (instructions, exponentialsBesideProducts) = (nil, nil)
            return
        }
        let listing = try Self.listing(cubin)
        instructions = ["HGMMA", "HMMA", "LDL", "STL"].filter {
            listing.contains(" \($0).") || listing.contains(" \($0) ")
        }
        guard module.name == "attention_sm90" else {
            exponentialsBesideProducts = nil
            return
        }
        var counts: [String: Int] = [:]
        for kernel in cubin.log.kernels { counts[kernel.name] = Self.exponentials(in: listing, kernel.name) }
        exponentialsBesideProducts = counts
    }

    private static func listing(_ cubin: Cubin) throws -> String {
        let disassembler = try #require(NVRTCWheel.disassembler)
        let folder = try TemporaryFolder()
        try Data(cubin.bytes).write(to: URL(fileURLWithPath: folder.file("cubin")))
        let listing = try Subprocess(disassembler, ["-c", folder.file("cubin")])
        #expect(listing.status == 0, "\(listing.errors)")
        return listing.output
    }

    /// The most exponentials between a wait that leaves one group of products running and one that leaves none.
    private static func exponentials(in listing: String, _ kernel: String) -> Int {
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
