package import CKernels
package import Compute

/// A kernel, ready to be launched.
@safe
package struct KernelFunction {
    package let name: String
    /// Registers of a thread.
    package let registers: Int
    @unsafe package let handle: CUfunction
}

/// Our kernels on one GPU: compiled in the background from the start, loaded when the first of a module is needed.
@safe
package final class KernelLibrary {
    private let context: CUDAContext
    private let modules: [KernelModule]
    private let builder: CubinBuilder
    private let compiling: BackgroundCompiler
    private var loaded: [Int: CUmodule] = unsafe [:]
    private var functions: [String: KernelFunction] = [:]

    /// Starts compiling what the cache does not hold.
    ///
    /// - Parameters:
    ///   - context: the GPU that the kernels run on.
    ///   - compiler: for the machine code of this GPU.
    ///   - cache: where machine code is kept from run to run; nil keeps none.
    ///   - modules: the kernels' text; those that this GPU or compiler cannot use are left out.
    ///   - threads: how many modules are compiled at once.
    package init(
        _ context: CUDAContext, _ compiler: Compiler, _ cache: CubinCache?, modules: [KernelModule] = KernelModule.all,
        threads: Int
    ) {
        self.context = context
        let gpu = context.device.architecture
        let hasTensorMaps = unsafe context.call.cuTensorMapEncodeTiled != nil
        let usable = modules.filter { module in
            compiler.target(for: gpu, module) != nil && (hasTensorMaps || !module.needsWarpgroups)
        }
        let builder = CubinBuilder(compiler: compiler, cache: cache, gpu: gpu, driver: context.driver.version)
        self.modules = usable
        self.builder = builder
        compiling = BackgroundCompiler(count: usable.count, threads: threads) { index in
            builder.build(usable[index])
        }
    }

    deinit {
        unsafe loaded.values.forEach { _ = unsafe context.call.cuModuleUnload($0) }
    }

    /// Whether a module can be used on this GPU.
    package func has(_ module: String) -> Bool { modules.contains { $0.name == module } }

    /// The kernel `name` of the module `module`.
    package func function(_ name: String, in module: String) throws(ComputeError) -> KernelFunction {
        if let function = functions[name] { return function }
        guard let index = modules.firstIndex(where: { $0.name == module }) else {
            throw .unsupported(
                operation: name, detail: "no module \(module) for \(context.device.name)",
                backend: context.device.backend)
        }
        let function = try unsafe function(name, of: load(index))
        functions[name] = function
        return function
    }

    private func load(_ index: Int) throws(ComputeError) -> CUmodule {
        if let module = unsafe loaded[index] { return unsafe module }
        let cubin: Cubin
        switch compiling.outcome(index) {
        case .success(let value): cubin = value
        case .failure(let error): throw error
        }
        let module = try unsafe load(cubin, index)
        unsafe loaded[index] = module
        return unsafe module
    }

    /// Loads machine code; what came from the cache and is refused is compiled again.
    private func load(_ cubin: Cubin, _ index: Int) throws(ComputeError) -> CUmodule {
        var module: CUmodule?
        var status = unsafe context.call.cuModuleLoadData(&module, cubin.bytes)
        if Self.isRefusal(Int(status)), builder.cache != nil {
            let fresh = try builder.rebuild(modules[index])
            status = unsafe context.call.cuModuleLoadData(&module, fresh.bytes)
        }
        if Self.isRefusal(Int(status)) {
            throw .kernelRejected(
                kernel: modules[index].name, reason: "the driver does not load what NVRTC compiled",
                backend: context.device.backend)
        }
        try context.check(status, "cuModuleLoadData")
        guard let module = unsafe module else { preconditionFailure("no module") }
        return unsafe module
    }

    private static func isRefusal(_ status: Int) -> Bool {
        switch status {
        case CK_CUDA_ERROR_INVALID_IMAGE, CK_CUDA_ERROR_NO_BINARY_FOR_GPU, CK_CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
            CK_CUDA_ERROR_INVALID_SOURCE:
            true
        default: false
        }
    }

    private func function(_ name: String, of module: CUmodule) throws(ComputeError) -> KernelFunction {
        var handle: CUfunction?
        let status = unsafe context.call.cuModuleGetFunction(&handle, module, name)
        guard status != CK_CUDA_ERROR_NOT_FOUND, let handle = unsafe handle else {
            try context.check(status, "cuModuleGetFunction")
            throw .unsupported(operation: name, detail: "no such kernel", backend: context.device.backend)
        }
        try context.check(status, "cuModuleGetFunction")
        let local = try unsafe attribute(CK_FUNCTION_LOCAL_BYTES, of: handle)
        guard local == 0 else {
            throw .kernelRejected(
                kernel: name, reason: "\(local) bytes of local memory", backend: context.device.backend)
        }
        try unsafe context.check(
            context.call.cuFuncSetAttribute(
                handle, Int32(CK_FUNCTION_MAX_DYNAMIC_SHARED_BYTES), Int32(clamping: context.device.sharedBytes)),
            "cuFuncSetAttribute")
        let registers = try unsafe attribute(CK_FUNCTION_REGISTERS, of: handle)
        return unsafe KernelFunction(name: name, registers: registers, handle: handle)
    }

    private func attribute(_ number: Int, of function: CUfunction) throws(ComputeError) -> Int {
        var value: Int32 = 0
        try unsafe context.check(
            context.call.cuFuncGetAttribute(&value, Int32(clamping: number), function), "cuFuncGetAttribute")
        return Int(value)
    }
}
