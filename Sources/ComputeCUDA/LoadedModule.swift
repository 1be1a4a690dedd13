import CKernels
import Compute

/// Machine code that the driver holds, for as long as this lives.
@safe
final class LoadedModule {
    let handle: CUmodule
    private let context: CUDAContext

    /// Loads machine code; nil where the driver does not take it.
    init?(_ cubin: Cubin, _ context: CUDAContext) throws(ComputeError) {
        var module: CUmodule?
        let status = unsafe context.call.cuModuleLoadData(&module, cubin.bytes)
        switch Int(status) {
        case CK_CUDA_ERROR_INVALID_IMAGE, CK_CUDA_ERROR_NO_BINARY_FOR_GPU, CK_CUDA_ERROR_UNSUPPORTED_PTX_VERSION,
            CK_CUDA_ERROR_INVALID_SOURCE:
            return nil
        default: try context.check(status, "cuModuleLoadData")
        }
        guard let module = unsafe module else { return nil }
        unsafe handle = module
        self.context = context
    }

    deinit { _ = unsafe context.call.cuModuleUnload(handle) }
}
