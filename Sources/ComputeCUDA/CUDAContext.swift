package import CKernels
package import Compute

/// A GPU in use: its primary context, current on the thread that made it.
@safe
package final class CUDAContext {
    package let driver: Driver
    package let device: CUDADevice

    /// Everything else of this GPU is used on this thread and ends before the context does.
    package init(_ device: CUDADevice, _ driver: Driver) throws(ComputeError) {
        var context: CUcontext?
        let status = unsafe driver.call.cuDevicePrimaryCtxRetain(&context, device.handle)
        try driver.check(status, "cuDevicePrimaryCtxRetain", backend: device.backend)
        // From here on `deinit` releases it, whatever happens.
        self.device = device
        self.driver = driver
        try unsafe check(driver.call.cuCtxSetCurrent(context), "cuCtxSetCurrent")
    }

    deinit { _ = unsafe driver.call.cuDevicePrimaryCtxRelease_v2(device.handle) }

    /// The driver's functions under their own names.
    @unsafe package var call: ck_driver { unsafe driver.call }

    /// Throws what a failed call means; `requested` is the bytes it asked for.
    package func check(_ status: Int32, _ call: StaticString, requested: Int = 0) throws(ComputeError) {
        try driver.check(status, call, requested: requested, backend: device.backend)
    }

    /// Bytes of the GPU's memory that nobody uses, and all of them.
    package func memory() throws(ComputeError) -> (free: Int, total: Int) {
        var (free, total) = (0, 0)
        try unsafe check(call.cuMemGetInfo_v2(&free, &total), "cuMemGetInfo")
        return (free, total)
    }
}
