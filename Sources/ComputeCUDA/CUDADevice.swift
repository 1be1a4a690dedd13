import CKernels
package import Compute

/// A GPU, as the driver describes it.
package struct CUDADevice: Sendable, Hashable {
    /// Its number among the visible GPUs.
    package let ordinal: Int
    /// The driver's handle.
    let handle: Int32
    /// The product: "NVIDIA H100 80GB HBM3".
    package let name: String
    package let architecture: GPUArchitecture
    package let multiprocessors: Int
    package let memoryBytes: Int
    /// The most dynamic shared memory that a block may have.
    package let sharedBytes: Int
    /// Whether memory can be allocated in stream order.
    package let hasMemoryPools: Bool

    /// The name of a backend on it: "cuda:0".
    package var backend: String { "cuda:\(ordinal)" }

    /// Every GPU that the driver shows this process.
    package static func all(_ driver: Driver) throws(ComputeError) -> [CUDADevice] {
        var count: Int32 = 0
        try unsafe driver.check(driver.call.cuDeviceGetCount(&count), "cuDeviceGetCount")
        var devices: [CUDADevice] = []
        for ordinal in 0..<Int(count) { devices.append(try CUDADevice(ordinal, driver)) }
        return devices
    }

    /// The GPU of this number; the error for a wrong one lists those that exist.
    package static func find(_ ordinal: Int, _ driver: Driver) throws(ComputeError) -> CUDADevice {
        let devices = try all(driver)
        let name = "cuda:\(ordinal)"
        guard !devices.isEmpty else { throw .deviceMissing(name: name, reason: "the driver finds no GPU") }
        guard let device = devices.first(where: { $0.ordinal == ordinal }) else {
            let list = devices.map { "\($0.backend) (\($0.name))" }.joined(separator: ", ")
            throw .deviceMissing(name: name, reason: "this machine has \(list)")
        }
        if let shortcoming = device.shortcoming { throw .unavailable(backend: name, reason: shortcoming) }
        return device
    }

    /// Why a backend does not run on it; nil where one does.
    package var shortcoming: String? {
        guard architecture < GPUArchitecture.oldest else { return nil }
        return "\(name) has compute capability \(architecture.capability), "
            + "\(GPUArchitecture.oldest.capability) is needed"
    }

    /// Its place on the PCI bus, "0000:3B:00.0", by which other libraries know it: their numbers may differ.
    func bus(_ driver: Driver) -> String? {
        var text = [CChar](repeating: 0, count: 32)
        guard unsafe driver.call.cuDeviceGetPCIBusId(&text, Int32(clamping: text.count), handle) == 0 else {
            return nil
        }
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }

    private init(_ ordinal: Int, _ driver: Driver) throws(ComputeError) {
        var handle: Int32 = 0
        try unsafe driver.check(driver.call.cuDeviceGet(&handle, Int32(clamping: ordinal)), "cuDeviceGet")
        func attribute(_ number: Int) throws(ComputeError) -> Int {
            var value: Int32 = 0
            let status = unsafe driver.call.cuDeviceGetAttribute(&value, Int32(clamping: number), handle)
            try driver.check(status, "cuDeviceGetAttribute")
            return Int(value)
        }
        self.ordinal = ordinal
        self.handle = handle
        name = try Self.name(handle, driver)
        architecture = GPUArchitecture(
            major: try attribute(CK_DEVICE_COMPUTE_MAJOR), minor: try attribute(CK_DEVICE_COMPUTE_MINOR))
        multiprocessors = try attribute(CK_DEVICE_MULTIPROCESSORS)
        sharedBytes = try attribute(CK_DEVICE_SHARED_BYTES_OPTIN)
        hasMemoryPools = try attribute(CK_DEVICE_MEMORY_POOLS) != 0
        var bytes = 0
        try unsafe driver.check(driver.call.cuDeviceTotalMem_v2(&bytes, handle), "cuDeviceTotalMem")
        memoryBytes = bytes
    }

    private static func name(_ handle: Int32, _ driver: Driver) throws(ComputeError) -> String {
        var text = [CChar](repeating: 0, count: 256)
        let status = unsafe driver.call.cuDeviceGetName(&text, Int32(clamping: text.count), handle)
        try driver.check(status, "cuDeviceGetName")
        return String(decoding: text.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
    }
}
