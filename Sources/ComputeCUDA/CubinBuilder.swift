import Compute

/// Machine code for one GPU: from the cache, or compiled.
struct CubinBuilder: Sendable {
    let compiler: Compiler
    let cache: CubinCache?
    let gpu: GPUArchitecture
    let driver: CUDAVersion

    /// From the cache where it has it.
    func build(_ module: KernelModule) -> Result<Cubin, ComputeError> {
        if let cache, let key = key(module), let cubin = cache.cubin(key) { return .success(cubin) }
        return Result { () throws(ComputeError) in try rebuild(module) }
    }

    /// Compiled anew; the cache gets it.
    func rebuild(_ module: KernelModule) throws(ComputeError) -> Cubin {
        guard let target = compiler.target(for: gpu, module) else {
            throw .unsupported(
                operation: module.name, detail: "NVRTC \(compiler.version) does not compile for \(gpu.capability)",
                backend: "cuda")
        }
        let cubin = try compiler.compile(module, target: target)
        if let cache, let key = key(module) { cache.store(cubin, key) }
        return cubin
    }

    private func key(_ module: KernelModule) -> CubinKey? {
        compiler.target(for: gpu, module).map { target in
            CubinKey(module: module, target: target, compiler: compiler.version, driver: driver)
        }
    }
}
