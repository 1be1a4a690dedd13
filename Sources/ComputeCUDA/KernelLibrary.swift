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
    private var loaded: [Int: LoadedModule] = [:]
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
        let function = try function(name, of: load(index), modules[index])
        functions[name] = function
        return function
    }

    /// Every kernel and what it takes, and why modules were refused; waits until all are compiled.
    package func compiled() -> (kernels: [CompileLog.Kernel], refused: [ComputeError]) {
        var (kernels, refused): ([CompileLog.Kernel], [ComputeError]) = ([], [])
        for index in modules.indices {
            switch compiling.outcome(index) {
            case .success(let cubin): kernels += cubin.log.kernels
            case .failure(let error): refused.append(error)
            }
        }
        return (kernels, refused)
    }

    private func load(_ index: Int) throws(ComputeError) -> LoadedModule {
        if let module = loaded[index] { return module }
        let cubin: Cubin
        switch compiling.outcome(index) {
        case .success(let value): cubin = value
        case .failure(let error): throw error
        }
        var module = try LoadedModule(cubin, context)
        if module == nil, builder.cache != nil {
            // What came from the cache and is not taken is compiled again.
            module = try LoadedModule(builder.rebuild(modules[index]), context)
        }
        guard let module else {
            throw .kernelRejected(
                kernel: modules[index].name, reason: "the driver does not load what NVRTC compiled",
                backend: context.device.backend)
        }
        loaded[index] = module
        return module
    }

    private func function(
        _ name: String, of module: LoadedModule, _ source: KernelModule
    ) throws(ComputeError) -> KernelFunction {
        var handle: CUfunction?
        let status = unsafe context.call.cuModuleGetFunction(&handle, module.handle, name)
        guard status != CK_CUDA_ERROR_NOT_FOUND, let handle = unsafe handle else {
            try context.check(status, "cuModuleGetFunction")
            throw .unsupported(operation: name, detail: "no such kernel", backend: context.device.backend)
        }
        try context.check(status, "cuModuleGetFunction")
        try unsafe context.check(
            context.call.cuFuncSetAttribute(
                handle, Int32(CK_FUNCTION_MAX_DYNAMIC_SHARED_BYTES), Int32(clamping: context.device.sharedBytes)),
            "cuFuncSetAttribute")
        if source.fillsSharedMemory {
            // Left to itself the driver may leave room for one block where two would fit.
            try unsafe context.check(
                context.call.cuFuncSetAttribute(handle, Int32(CK_FUNCTION_SHARED_CARVEOUT), 100),
                "cuFuncSetAttribute")
        }
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
