import COneDNN
import Compute

/// A oneDNN primitive, ready to run on any memory of the right layout.
@safe
final class Primitive {
    /// The layout chosen for the weights.
    let weightsLayout: Layout
    let scratchBytes: Int

    private let oneDNN: OneDNN
    private let primitive: OpaquePointer

    /// Takes over a primitive that a function of oneDNN created for this engine.
    init(consuming primitive: OpaquePointer, on oneDNN: OneDNN) throws(ComputeError) {
        self.oneDNN = oneDNN
        unsafe self.primitive = primitive
        unsafe scratchBytes = cdnn_primitive_scratch_bytes(primitive)
        do {
            weightsLayout = try unsafe Layout(consuming: made { unsafe cdnn_primitive_weights(&$0, primitive) })
        } catch {
            unsafe cdnn_primitive_destroy(primitive)
            throw error
        }
    }

    deinit { unsafe cdnn_primitive_destroy(primitive) }

    /// Runs on the arrays at `addresses` and waits: x, weights, output, bias and gate as far as there are any.
    func run(_ addresses: [UnsafeMutableRawPointer], scratch: UnsafeMutableRawPointer?) throws(ComputeError) {
        let all = unsafe addresses + (scratch.map { unsafe [$0] } ?? [])
        try unsafe check(cdnn_primitive_run(primitive, all, Int32(clamping: all.count)))
    }
}

/// The primitives used last, by what they do.
final class PrimitiveCache<Key: Hashable> {
    private var entries: [Key: (primitive: Primitive, usedAt: Int)] = [:]
    private var clock = 0
    private let limit: Int

    init(limit: Int) {
        self.limit = limit
    }

    func primitive(
        _ key: Key, orCreate create: () throws(ComputeError) -> Primitive
    ) throws(ComputeError) -> Primitive {
        clock += 1
        if let entry = entries[key] {
            entries[key]?.usedAt = clock
            return entry.primitive
        }
        let primitive = try create()
        if entries.count >= limit, let oldest = entries.min(by: { $0.value.usedAt < $1.value.usedAt }) {
            entries[oldest.key] = nil
        }
        entries[key] = (primitive, clock)
        return primitive
    }
}
