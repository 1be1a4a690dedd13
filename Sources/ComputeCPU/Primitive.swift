import COneDNN
import Compute

/// A oneDNN primitive with its argument slots, ready to run on any memory of the right layout.
@safe
final class Primitive {
    /// The layout chosen for the weights; that of the first slot's array for a primitive without weights.
    let weightsLayout: dnnl_memory_desc_t
    let scratchBytes: Int
    /// What oneDNN calls the code it chose.
    let implementation: String

    private let oneDNN: OneDNN
    private var primitive: dnnl_primitive_t?
    private var arguments: [dnnl_exec_arg_t] = unsafe []

    /// Creates the primitive that `description` describes, and destroys the description.
    ///
    /// - Parameters:
    ///   - description: what was decided.
    ///   - slots: argument numbers and layouts in the order in which `run` gets the addresses. Weights and scratch
    ///     memory get the layout that oneDNN chose.
    ///   - oneDNN: engine and stream.
    init(
        consuming description: dnnl_primitive_desc_t, slots: [(argument: Int32, layout: dnnl_memory_desc_t)],
        on oneDNN: OneDNN
    ) throws(ComputeError) {
        defer { _ = unsafe dnn.dnnl_primitive_desc_destroy(description) }
        self.oneDNN = oneDNN
        let weights = unsafe dnn.dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0)
        let scratch = unsafe dnn.dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0)
        unsafe weightsLayout = weights?.pointee ?? slots[0].layout
        unsafe scratchBytes = scratch.map { unsafe dnn.dnnl_memory_desc_get_size($0) } ?? 0
        implementation = unsafe Self.implementation(of: description)
        try unsafe check(dnn.dnnl_primitive_create(&primitive, description), "dnnl_primitive_create")
        for (argument, layout) in slots {
            try addSlot(argument, argument == DNNL_ARG_WEIGHTS ? weightsLayout : layout)
        }
        if let scratch = unsafe scratch, scratchBytes > 0 {
            try unsafe addSlot(DNNL_ARG_SCRATCHPAD, scratch.pointee)
        }
    }

    deinit {
        for index in unsafe arguments.indices { _ = unsafe dnn.dnnl_memory_destroy(arguments[index].memory) }
        _ = unsafe dnn.dnnl_primitive_destroy(primitive)
    }

    /// Runs on the arrays at `addresses`, given in the order of the slots, and waits.
    func run(_ addresses: [UnsafeMutableRawPointer], scratch: UnsafeMutableRawPointer?) throws(ComputeError) {
        let all = unsafe addresses + (scratch.map { unsafe [$0] } ?? [])
        unsafe precondition(all.count == arguments.count, "\(all.count) arrays for \(arguments.count) slots")
        for index in unsafe all.indices {
            try unsafe check(
                dnn.dnnl_memory_set_data_handle(arguments[index].memory, all[index]), "dnnl_memory_set_data_handle")
        }
        try unsafe check(
            dnn.dnnl_primitive_execute(primitive, oneDNN.stream, Int32(arguments.count), arguments),
            "dnnl_primitive_execute")
        try unsafe check(dnn.dnnl_stream_wait(oneDNN.stream), "dnnl_stream_wait")
    }

    private func addSlot(_ argument: Int32, _ layout: dnnl_memory_desc_t) throws(ComputeError) {
        var layout = layout
        var memory: dnnl_memory_t?
        try unsafe check(dnn.dnnl_memory_create(&memory, &layout, oneDNN.engine, nil), "dnnl_memory_create")
        unsafe arguments.append(dnnl_exec_arg_t(arg: argument, memory: memory))
    }

    private static func implementation(of description: dnnl_primitive_desc_t) -> String {
        var name: UnsafePointer<CChar>?
        let status = unsafe dnn.dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name)
        guard status == dnnl_success, let name = unsafe name else { return "unknown" }
        return unsafe String(cString: name)
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
