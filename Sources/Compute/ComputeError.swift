/// What a backend cannot do.
///
/// Shape mistakes are preconditions: validated input never reaches them.
package enum ComputeError: Error, Equatable {
    /// An allocation of `requested` bytes failed.
    case outOfMemory(requested: Int, backend: String)
    case unsupported(operation: String, detail: String, backend: String)
    /// A library below the backend answered `status` to `call`; `reason` is what the library calls it.
    case failed(call: String, status: Int, reason: String?, backend: String)
    case unavailable(backend: String, reason: String)
    /// There is no such device.
    case deviceMissing(name: String, reason: String)
    /// The device is gone, with everything in its memory.
    case deviceLost(call: String, reason: String, backend: String)
    /// Versions as NVIDIA counts CUDA's.
    case driverTooOld(found: String, needed: String, backend: String)
    /// Nothing here can compile kernels for the device.
    case compilerMissing(reason: String, backend: String)
    /// A kernel of ours did not become the machine code it should.
    case kernelRejected(kernel: String, reason: String, backend: String)
}
