import Compute

/// Pinned buffers that are kept for the next frame.
final class PinnedPool {
    let stream: CUDAStream
    private var free: [PinnedBuffer] = []

    /// - Parameter stream: does all the copies to them.
    init(_ stream: CUDAStream) {
        self.stream = stream
    }

    func take(_ byteCount: Int) throws(ComputeError) -> PinnedBuffer {
        if let index = free.firstIndex(where: { $0.byteCount == byteCount }) { return free.remove(at: index) }
        return try PinnedBuffer(for: stream, byteCount: byteCount)
    }

    func give(_ buffer: PinnedBuffer) {
        free.append(buffer)
    }
}
