package import CKernels
package import Compute

/// NVIDIA's driver: its functions, checked.
@safe
package final class Driver {
    /// The oldest driver that has every function we call; the cubins of NVRTC 11.8 load on it too.
    package static let oldest = CUDAVersion(11, 4)

    package let library: SharedLibrary
    /// The newest CUDA that the driver serves.
    package let version: CUDAVersion
    /// The driver's functions under their own names.
    @unsafe package let call: ck_driver

    /// Starts the driver.
    package init(_ library: SharedLibrary) throws(ComputeError) {
        self.library = library
        var table = ck_driver()
        let missing = unsafe library.fill(&table, ck_driver_fill)
        var number: Int32 = 0
        var asked: Int32 = 0
        if unsafe table.cuDriverGetVersion != nil { unsafe asked = table.cuDriverGetVersion(&number) }
        version = CUDAVersion(number: Int(number))
        unsafe call = table
        if missing == nil, asked != 0 {
            throw .unavailable(backend: "cuda", reason: "cuDriverGetVersion failed: \(Self.reason(asked, table))")
        }
        if missing != nil || version < Self.oldest {
            throw .driverTooOld(found: "\(version)", needed: "\(Self.oldest)", backend: "cuda")
        }
        let status = table.cuInit(0)
        guard status != 0 else { return }
        let reason = Self.reason(status, table)
        throw switch Int(status) {
        case CK_CUDA_ERROR_NO_DEVICE: .deviceMissing(name: "cuda", reason: "the driver finds no GPU")
        case CK_CUDA_ERROR_SYSTEM_DRIVER_MISMATCH:
            .unavailable(
                backend: "cuda", reason: "\(reason): libcuda and the kernel's driver differ, restart the machine")
        default: .unavailable(backend: "cuda", reason: "cuInit failed: \(reason)")
        }
    }

    /// Throws what a failed call means.
    ///
    /// - Parameters:
    ///   - status: what the call returned.
    ///   - call: its name.
    ///   - requested: the bytes it asked for.
    ///   - backend: "cuda:0", …
    package func check(
        _ status: Int32, _ call: StaticString, requested: Int = 0, backend: String = "cuda"
    ) throws(ComputeError) {
        guard status != 0 else { return }
        if status == CK_CUDA_ERROR_OUT_OF_MEMORY { throw .outOfMemory(requested: requested, backend: backend) }
        let reason = unsafe Self.reason(status, self.call)
        if Self.isSticky(Int(status)) { throw .deviceLost(call: "\(call)", reason: reason, backend: backend) }
        throw .failed(call: "\(call)", status: Int(status), reason: reason, backend: backend)
    }

    /// Whether the context is dead after this error: every later call fails too.
    private static func isSticky(_ status: Int) -> Bool {
        switch status {
        case CK_CUDA_ERROR_ILLEGAL_ADDRESS, CK_CUDA_ERROR_LAUNCH_TIMEOUT, CK_CUDA_ERROR_CONTEXT_IS_DESTROYED,
            CK_CUDA_ERROR_ASSERT, CK_CUDA_ERROR_HARDWARE_STACK_ERROR...CK_CUDA_ERROR_LAUNCH_FAILED,
            CK_CUDA_ERROR_ECC_UNCORRECTABLE, CK_CUDA_ERROR_NVLINK_UNCORRECTABLE, CK_CUDA_ERROR_CONTAINED,
            CK_CUDA_ERROR_DEVICE_UNAVAILABLE, CK_CUDA_ERROR_UNKNOWN:
            true
        default: false
        }
    }

    /// The error's name and text: "CUDA_ERROR_ILLEGAL_ADDRESS (an illegal memory access was encountered)".
    private static func reason(_ status: Int32, _ table: ck_driver) -> String {
        var name: UnsafePointer<CChar>?
        var text: UnsafePointer<CChar>?
        guard unsafe table.cuGetErrorName(status, &name) == 0, let name = unsafe name else { return "error \(status)" }
        guard unsafe table.cuGetErrorString(status, &text) == 0, let text = unsafe text else {
            return unsafe String(cString: name)
        }
        return unsafe "\(String(cString: name)) (\(String(cString: text)))"
    }
}
