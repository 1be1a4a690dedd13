import CKernels
import Compute

/// Brings weights to the GPU through two pinned slabs: while one is on its way, the next is filled from the file.
@safe
final class UploadQueue {
    /// Copies have a stream of their own beside the one that computes.
    private let stream: CUDAStream
    private let compute: CUDAStream
    private let slabBytes: Int
    private var slabs: [PinnedBuffer] = []
    private var turn = 0
    /// A place in one stream for the other to wait at.
    private let mark: CUDAEvent

    init(beside compute: CUDAStream, slabBytes: Int) throws(ComputeError) {
        self.compute = compute
        self.slabBytes = slabBytes
        stream = try CUDAStream(compute.context)
        mark = try CUDAEvent(compute.context)
    }

    /// Queues the copy of `bytes` to `address`; what is computed from now on sees it.
    func upload(_ bytes: HostBytes, to address: ck_address) throws(ComputeError) {
        // The memory may still be read by what was queued before its block was given back.
        try mark.record(on: compute)
        try stream.wait(for: mark)
        do throws(ComputeError) {
            try queue(bytes, to: address)
            try mark.record(on: stream)
            try compute.wait(for: mark)
        } catch {
            // The memory goes back in the order of the other stream, which does not know of these copies.
            try? stream.synchronize()
            throw error
        }
        bytes.dropPages()
    }

    private func queue(_ bytes: HostBytes, to address: ck_address) throws(ComputeError) {
        let context = compute.context
        for start in stride(from: 0, to: bytes.count, by: slabBytes) {
            let count = min(slabBytes, bytes.count - start)
            let slab = try nextSlab()
            unsafe slab.address.copyMemory(from: bytes.address + start, byteCount: count)
            try unsafe context.check(
                context.call.cuMemcpyHtoDAsync_v2(address + ck_address(start), slab.address, count, stream.handle),
                "cuMemcpyHtoDAsync")
            try slab.lastCopy.record(on: stream)
        }
    }

    /// A slab that nobody reads any more.
    private func nextSlab() throws(ComputeError) -> PinnedBuffer {
        if slabs.count < 2 {
            slabs.append(try PinnedBuffer(for: stream, byteCount: slabBytes))
            return slabs[slabs.count - 1]
        }
        turn = 1 - turn
        try slabs[turn].lastCopy.synchronize()
        return slabs[turn]
    }
}
