import CKernels
package import Compute

/// The backend for NVIDIA GPUs: our kernels, and cuBLASLt where nothing is fused into a product.
///
/// Work is queued on one stream, in order; only downloads wait for it.
package final class CUDABackend: Backend {
    package let prefersBF16 = true
    package let copiesWeights = true
    package let memoryGranule: Int
    /// Where tensors live; tells how much they take.
    package let pool: MemoryPool

    let context: CUDAContext
    let kernels: KernelLibrary
    let stream: CUDAStream
    let uploads: UploadQueue
    let pinned: PinnedPool
    let library: CublasLt?
    let poisonsMemory: Bool
    /// Whose kernels are used beside the portable ones, changed by measurements only.
    package var servers: Servers = [.warpgroups, .library]
    weak var reserve: MemoryPool.Reserve?
    /// Takes the matrices that are made now, to bring them later.
    var late: LateMatrices?

    /// - Parameters:
    ///   - ordinal: number of the GPU.
    ///   - libraries: where NVIDIA's are found.
    ///   - cache: where compiled kernels are kept; nil keeps none.
    ///   - threads: how many kernels are compiled at once.
    ///   - tuning: what tests set otherwise.
    package init(
        _ ordinal: Int, _ libraries: CUDALibraries, cache: CubinCache?, threads: Int, tuning: Tuning = Tuning()
    ) throws(ComputeError) {
        let driver = try libraries.driver()
        let device = try CUDADevice.find(ordinal, driver)
        let compiler = try libraries.compiler(for: device.architecture, driver: driver.version)
        context = try CUDAContext(device, driver)
        kernels = KernelLibrary(context, compiler, cache, threads: threads)
        stream = try CUDAStream(context)
        memoryGranule = tuning.memoryGranularity
        pool = MemoryPool(DeviceMemory(stream: stream, granularity: tuning.memoryGranularity))
        uploads = try UploadQueue(beside: stream, slabBytes: tuning.slabBytes)
        pinned = PinnedPool(stream)
        poisonsMemory = tuning.poisonsMemory
        if let products = libraries.products(driver: driver.version) {
            library = try CublasLt(products, stream: stream, pool: pool)
        } else {
            library = nil
        }
    }

    /// Kernels that are queued need their modules.
    deinit { try? stream.synchronize() }

    /// Who may serve an operation where it is better than the portable kernels.
    package struct Servers: OptionSet, Sendable {
        package let rawValue: Int
        package init(rawValue: Int) { self.rawValue = rawValue }

        /// Our kernels for sm_90a.
        package static let warpgroups = Servers(rawValue: 1)
        /// cuBLASLt.
        package static let library = Servers(rawValue: 2)
    }

    /// What changes no result, only speed, and what a mistake looks like.
    package struct Tuning {
        /// Blocks of memory are multiples of this.
        package var memoryGranularity: Int
        /// Bytes of each of the two slabs that weights pass through.
        package var slabBytes: Int
        /// Whether a new tensor is NaN throughout, so that an element that nobody writes shows.
        package var poisonsMemory: Bool

        package init(memoryGranularity: Int = 256, slabBytes: Int = 32 << 20, poisonsMemory: Bool = false) {
            self.memoryGranularity = memoryGranularity
            self.slabBytes = slabBytes
            self.poisonsMemory = poisonsMemory
        }
    }

    package var name: String { device.backend }
    /// The GPU, with its facts.
    package var device: CUDADevice { context.device }

    /// Bytes that are free on the GPU, or kept for tensors here.
    package var memoryBytes: Int? {
        guard let free = try? context.memory().free else { return nil }
        return free + pool.keptBytes
    }

    package var peakDeviceBytes: Int? { pool.peakBytes }

    /// The kernels for sm_90a, where the GPU and the compiler have them.
    var hopper: HopperKernels? {
        servers.contains(.warpgroups) && hasWarpgroups ? HopperKernels(backend: self) : nil
    }

    // MARK: launches

    /// Queues a module's kernel on a grid of blocks.
    ///
    /// - Parameters:
    ///   - blocks: extent of the grid in x.
    ///   - rows: extent in y.
    ///   - batch: extent in z.
    func launch<Arguments>(
        _ kernel: String, of module: String, blocks: Int, rows: Int = 1, batch: Int = 1, threads: Int, shared: Int,
        _ arguments: Arguments
    ) throws(ComputeError) {
        guard blocks <= Int32.max, rows <= 65535, batch <= 65535 else {
            throw .unsupported(
                operation: kernel, detail: "a grid of \(blocks) x \(rows) x \(batch) blocks", backend: name)
        }
        let function = try kernels.function(kernel, in: module)
        var arguments = arguments
        let status = unsafe withUnsafeMutablePointer(to: &arguments) { pointer in
            var list: UnsafeMutableRawPointer? = UnsafeMutableRawPointer(pointer)
            return unsafe context.call.cuLaunchKernel(
                function.handle, UInt32(blocks), UInt32(rows), UInt32(batch), UInt32(threads), 1, 1, UInt32(shared),
                stream.handle, &list, nil)
        }
        try context.check(status, "cuLaunchKernel")
    }

    // MARK: addresses

    func address(_ x: Tensor) -> ck_address {
        address(x.storage) + ck_address(x.byteOffset)
    }

    func address(_ storage: any Storage) -> ck_address {
        guard let storage = storage as? DeviceStorage else { preconditionFailure("a tensor of another backend") }
        return ck_address(storage.address)
    }

    /// The address of an f32 array of `count` elements.
    func floats(_ x: Tensor, count: Int, _ what: String) -> ck_address {
        precondition(x.dtype == .f32 && x.count == count, "\(what) \(x.shape) \(x.dtype), expected \(count) of f32")
        return address(x)
    }

    /// A map of an array for the copy engine: extents and box innermost first, strides in elements from the second
    /// dimension on; rows of the box are swizzled by their size.
    func map(
        _ address: ck_address, _ dtype: DType, extents: [Int], strides: [Int], box: [Int]
    ) throws(ComputeError) -> ck_tensor_map {
        precondition(extents.count == box.count && strides.count == box.count - 1 && box.count <= 5)
        func number<Width: BinaryInteger>(_ list: [Int], _ index: Int, times factor: Int = 1) -> Width {
            index < list.count ? Width(list[index] * factor) : 0
        }
        let width = dtype.byteWidth
        var layout = ck_tensor_layout()
        layout.base = address
        layout.dtype = Int32(dtype == .f32 ? CK_TENSOR_MAP_F32 : CK_TENSOR_MAP_BF16)
        layout.swizzle = Int32(box[0] * width == 64 ? CK_TENSOR_MAP_SWIZZLE_64B : CK_TENSOR_MAP_SWIZZLE_128B)
        layout.rank = Int32(extents.count)
        layout.extents = (
            number(extents, 0), number(extents, 1), number(extents, 2), number(extents, 3), number(extents, 4)
        )
        layout.strides = (
            number(strides, 0, times: width), number(strides, 1, times: width), number(strides, 2, times: width),
            number(strides, 3, times: width)
        )
        layout.box = (number(box, 0), number(box, 1), number(box, 2), number(box, 3), number(box, 4))
        var map = ck_tensor_map()
        var table = unsafe context.call
        try context.check(unsafe ck_tensor_map_encode(&table, &layout, &map), "cuTensorMapEncodeTiled")
        return map
    }
}
