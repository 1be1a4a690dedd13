import COneDNN
import Compute

/// oneDNN's engine and stream on this CPU.
@safe
final class OneDNN {
    let engine: dnnl_engine_t
    let stream: dnnl_stream_t

    init() throws(ComputeError) {
        try Self.open()
        var engine: dnnl_engine_t?
        var stream: dnnl_stream_t?
        try unsafe check(dnn.dnnl_engine_create(&engine, dnnl_cpu, 0), "dnnl_engine_create")
        try unsafe check(
            dnn.dnnl_stream_create(&stream, engine, dnnl_stream_default_flags.rawValue), "dnnl_stream_create")
        guard let engine = unsafe engine, let stream = unsafe stream else {
            throw ComputeError.unavailable(backend: "cpu", reason: "oneDNN gave no engine")
        }
        unsafe self.engine = engine
        unsafe self.stream = stream
    }

    /// Loads the library; every other use comes after this.
    static func open() throws(ComputeError) {
        var reason: UnsafePointer<CChar>?
        guard unsafe !cdnn_open(&reason) else { return }
        let text = unsafe reason.map { unsafe String(cString: $0) } ?? "no reason given"
        throw .unavailable(backend: "cpu", reason: "cannot load oneDNN: \(text)")
    }

    deinit {
        _ = unsafe dnn.dnnl_stream_destroy(stream)
        _ = unsafe dnn.dnnl_engine_destroy(engine)
    }

    /// oneDNN's version: "2.6.3", or "missing".
    static var version: String {
        guard (try? open()) != nil, let version = unsafe dnn.dnnl_version() else { return "missing" }
        return unsafe "\(version.pointee.major).\(version.pointee.minor).\(version.pointee.patch)"
    }

    /// Whether it multiplies in bf16 on this CPU.
    static var hasBF16: Bool {
        guard (try? open()) != nil else { return false }
        let needed = dnnl_cpu_isa_avx512_core.rawValue
        return dnn.dnnl_get_effective_cpu_isa().rawValue & needed == needed
    }

    /// Copies between two layouts of the same array, converting the dtype.
    func reorder(
        _ x: UnsafeMutableRawPointer, _ xLayout: dnnl_memory_desc_t, into out: UnsafeMutableRawPointer,
        _ outLayout: dnnl_memory_desc_t
    ) throws(ComputeError) {
        var xLayout = xLayout
        var outLayout = outLayout
        var description: dnnl_primitive_desc_t?
        try unsafe check(
            dnn.dnnl_reorder_primitive_desc_create(&description, &xLayout, engine, &outLayout, engine, nil),
            "dnnl_reorder_primitive_desc_create")
        guard let description = unsafe description else { return }
        let primitive = try unsafe Primitive(
            consuming: description, slots: [(DNNL_ARG_FROM, xLayout), (DNNL_ARG_TO, outLayout)], on: self)
        try unsafe primitive.run([x, out], scratch: nil)
    }
}

/// oneDNN's functions, once `OneDNN.open()` has succeeded.
var dnn: COneDNN { unsafe cdnn_functions().pointee }

/// Turns a status of oneDNN into an error.
func check(_ status: dnnl_status_t, _ call: String) throws(ComputeError) {
    guard status == dnnl_success else {
        throw ComputeError.failed(call: call, status: Int(status.rawValue), backend: "cpu")
    }
}

extension dnnl_memory_desc_t {
    /// A layout of an array of extents `dims`.
    init(_ dims: [Int], _ dtype: DType, _ tag: dnnl_format_tag_t) throws(ComputeError) {
        precondition(dims.count <= Int(DNNL_MAX_NDIMS), "\(dims.count) dimensions")
        self.init()
        try unsafe check(
            dnn.dnnl_memory_desc_init_by_tag(
                &self, Int32(dims.count), Self.fixed(dims), Self.type(dtype), tag), "dnnl_memory_desc_init_by_tag")
    }

    /// The layout of an array of extents `dims` with these distances between elements.
    init(_ dims: [Int], _ dtype: DType, strides: [Int]) throws(ComputeError) {
        self.init()
        try unsafe check(
            dnn.dnnl_memory_desc_init_by_strides(
                &self, Int32(dims.count), Self.fixed(dims), Self.type(dtype), Self.fixed(strides)),
            "dnnl_memory_desc_init_by_strides")
    }

    private static func fixed(_ values: [Int]) -> [Int64] {
        values.map(Int64.init) + [Int64](repeating: 0, count: Int(DNNL_MAX_NDIMS) - values.count)
    }

    private static func type(_ dtype: DType) -> dnnl_data_type_t {
        switch dtype {
        case .f32: dnnl_f32
        case .bf16: dnnl_bf16
        case .f16, .u8, .i32: preconditionFailure("oneDNN is not asked for \(dtype)")
        }
    }

    var byteCount: Int {
        var layout = self
        return unsafe dnn.dnnl_memory_desc_get_size(&layout)
    }

    func isSame(as other: dnnl_memory_desc_t) -> Bool {
        var one = self
        var two = other
        return unsafe dnn.dnnl_memory_desc_equal(&one, &two) != 0
    }
}
