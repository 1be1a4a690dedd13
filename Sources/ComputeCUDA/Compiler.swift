import CKernels
package import Compute

/// NVRTC: from kernel text to machine code.
@safe
package final class Compiler: @unchecked Sendable {
    // Safe: nothing changes, and NVRTC compiles on any number of threads.

    package let library: SharedLibrary
    package let version: CUDAVersion
    /// What it compiles for.
    package let architectures: [GPUArchitecture]
    private let call: ck_nvrtc
    /// NVRTC's own functions as text: it opens this library by its bare name, which not every version finds.
    private let builtins: SharedLibrary?

    package init(_ library: SharedLibrary) throws(ComputeError) {
        self.library = library
        var table = ck_nvrtc()
        if let missing = unsafe library.fill(&table, ck_nvrtc_fill) {
            throw .unavailable(backend: "cuda", reason: "\(library.path) has no \(missing)")
        }
        call = table
        var (major, minor, count): (Int32, Int32, Int32) = (0, 0, 0)
        try Self.check(unsafe table.nvrtcVersion(&major, &minor), "nvrtcVersion")
        version = CUDAVersion(Int(major), Int(minor))
        try Self.check(unsafe table.nvrtcGetNumSupportedArchs(&count), "nvrtcGetNumSupportedArchs")
        var numbers = [Int32](repeating: 0, count: Int(count))
        try Self.check(unsafe table.nvrtcGetSupportedArchs(&numbers), "nvrtcGetSupportedArchs")
        architectures = numbers.map { GPUArchitecture(number: Int($0)) }
        builtins = try? SharedLibrary(
            opening: "\(library.folder)/libnvrtc-builtins.so.\(version)", isGlobal: true)
    }

    /// The architecture to compile `module` for so that it runs on `gpu`, as NVRTC spells it; nil where it cannot.
    package func target(for gpu: GPUArchitecture, _ module: KernelModule) -> String? {
        guard module.needsWarpgroups else { return portableTarget(for: gpu) }
        return gpu.hasWarpgroups && version >= CUDAVersion(12, 0) ? "sm_\(gpu.number)a" : nil
    }

    /// The newest architecture that `gpu` runs and this compiler knows.
    package func portableTarget(for gpu: GPUArchitecture) -> String? {
        architectures.filter(gpu.runs).max().map { "sm_\($0.number)" }
    }

    /// The options, which are part of what a cached result depends on.
    static func options(_ target: String) -> [String] {
        // A report of registers and spills; functions are the GPU's without saying so; unused functions are no news.
        [
            "--gpu-architecture=\(target)", "--std=c++17", "--ptxas-options=-v", "-default-device",
            "-diag-suppress=177",
        ]
    }

    /// Compiles for one architecture.
    ///
    /// Machine code that runs its warpgroup products one after the other is an error, and so are spilled registers
    /// beside such products.
    package func compile(_ module: KernelModule, target: String) throws(ComputeError) -> Cubin {
        var program: nvrtcProgram?
        try Self.check(
            unsafe call.nvrtcCreateProgram(&program, module.text, "\(module.name).cu", 0, nil, nil),
            "nvrtcCreateProgram")
        defer { _ = unsafe call.nvrtcDestroyProgram(&program) }
        let status = unsafe Self.withPointers(to: Self.options(target)) { options in
            unsafe call.nvrtcCompileProgram(program, Int32(clamping: options.count), options.baseAddress)
        }
        let text = try unsafe log(of: program)
        guard status == 0 else { throw Self.rejected(module, target, Self.firstError(in: text, status: status)) }
        let log = CompileLog(text)
        if let complaint = log.complaint ?? (module.needsWarpgroups ? log.spill : nil) {
            throw Self.rejected(module, target, complaint)
        }
        return try unsafe Cubin(bytes: cubin(of: program), log: log)
    }

    private static func rejected(_ module: KernelModule, _ target: String, _ reason: String) -> ComputeError {
        .kernelRejected(kernel: "\(module.name) for \(target)", reason: reason, backend: "cuda")
    }

    /// The first line that says what is wrong, or the first of all.
    private static func firstError(in log: String, status: Int32) -> String {
        let lines = log.split(whereSeparator: \.isNewline)
        let line = lines.first { $0.contains("error") || $0.contains("fatal") } ?? lines.first
        return line.map(String.init) ?? "NVRTC error \(status)"
    }

    private func log(of program: nvrtcProgram?) throws(ComputeError) -> String {
        var size = 0
        try Self.check(unsafe call.nvrtcGetProgramLogSize(program, &size), "nvrtcGetProgramLogSize")
        var text = [CChar](repeating: 0, count: max(size, 1))
        try Self.check(unsafe call.nvrtcGetProgramLog(program, &text), "nvrtcGetProgramLog")
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private func cubin(of program: nvrtcProgram?) throws(ComputeError) -> [UInt8] {
        var size = 0
        try Self.check(unsafe call.nvrtcGetCUBINSize(program, &size), "nvrtcGetCUBINSize")
        var bytes = [UInt8](repeating: 0, count: size)
        let status = unsafe bytes.withUnsafeMutableBytes { buffer in
            unsafe call.nvrtcGetCUBIN(program, buffer.baseAddress?.assumingMemoryBound(to: CChar.self))
        }
        try Self.check(status, "nvrtcGetCUBIN")
        return bytes
    }

    private static func check(_ status: Int32, _ call: StaticString) throws(ComputeError) {
        guard status != 0 else { return }
        throw .failed(call: "\(call)", status: Int(status), reason: nil, backend: "cuda")
    }

    /// Runs `body` on the texts as C wants them.
    private static func withPointers<Result>(
        to texts: [String], _ body: (UnsafeBufferPointer<UnsafePointer<CChar>?>) -> Result
    ) -> Result {
        // One array of all bytes, and where each text begins in it.
        var starts: [Int] = []
        var bytes: [CChar] = []
        for text in texts {
            starts.append(bytes.count)
            bytes += text.utf8CString
        }
        return unsafe bytes.withUnsafeBufferPointer { buffer in
            let pointers = unsafe starts.map { start in unsafe buffer.baseAddress.map { unsafe $0 + start } }
            return unsafe pointers.withUnsafeBufferPointer(body)
        }
    }
}

/// A module's machine code and what is known of its kernels.
package struct Cubin: Sendable, Hashable {
    package let bytes: [UInt8]
    let log: CompileLog
}
