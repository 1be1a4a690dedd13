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
    /// Bytes of the slab whose turn it is that are filled.
    private var filled = 0
    /// Takes down what comes from where, while weights are made that will come again.
    var ledger: WeightLedger?
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
        ledger?.note(bytes, at: address)
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

    /// Queues copies that begin after `start` and end with `end`; what is computed does not wait for them.
    func lay(
        _ pieces: [(bytes: HostBytes, address: ck_address)], after start: CUDAEvent, until end: CUDAEvent
    ) throws(ComputeError) {
        do throws(ComputeError) {
            try stream.wait(for: start)
            for (bytes, address) in pieces { try queue(bytes, to: address) }
            try end.record(on: stream)
        } catch {
            try? stream.synchronize()
            throw error
        }
    }

    private func queue(_ bytes: HostBytes, to address: ck_address) throws(ComputeError) {
        let context = compute.context
        var start = 0
        while start < bytes.count {
            let slab = try slabWithRoom()
            let count = min(slabBytes - filled, bytes.count - start)
            let place = unsafe slab.address + filled
            unsafe place.copyMemory(from: bytes.address + start, byteCount: count)
            try unsafe context.check(
                context.call.cuMemcpyHtoDAsync_v2(address + ck_address(start), place, count, stream.handle),
                "cuMemcpyHtoDAsync")
            try slab.lastCopy.record(on: stream)
            start += count
            filled += (count + Self.alignment - 1) / Self.alignment * Self.alignment
        }
    }

    private static let alignment = 256

    /// The slab that is being filled, or the next one once nobody reads it any more.
    private func slabWithRoom() throws(ComputeError) -> PinnedBuffer {
        if filled < slabBytes, turn < slabs.count { return slabs[turn] }
        if slabs.count < 2 {
            slabs.append(try PinnedBuffer(for: stream, byteCount: slabBytes))
            turn = slabs.count - 1
        } else {
            turn = 1 - turn
            try slabs[turn].lastCopy.synchronize()
        }
        filled = 0
        return slabs[turn]
    }
}
