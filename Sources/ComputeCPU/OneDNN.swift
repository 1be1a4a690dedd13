import COneDNN
import Compute

/// oneDNN's engine and stream on this CPU.
@safe
final class OneDNN {
    private var created: OpaquePointer?
    /// Whether its primitives do nothing when they run; then who would compute what is taken down.
    var rests = false
    /// Whether an implementation, by its name, may run.
    var acceptsImplementation: (String) -> Bool = { !Primitive.isLoop($0) }
    private(set) var decisions: [String: String] = [:]

    /// Made when it is first needed, as the library is opened then: it costs a tenth of a second.
    func engine() throws(ComputeError) -> OpaquePointer {
        if let created = unsafe created { return unsafe created }
        let engine = try unsafe made { unsafe cdnn_engine_create(&$0) }
        unsafe created = engine
        return unsafe engine
    }

    /// Loads the library; every other use comes after this.
    static func open() throws(ComputeError) {
        var reason: UnsafePointer<CChar>?
        guard unsafe !cdnn_open(InstructionSet.limit?.nameInOneDNN, &reason) else { return }
        let text = unsafe reason.map { unsafe String(cString: $0) } ?? "no reason given"
        throw .unavailable(backend: "cpu", reason: "cannot open \(libraryName), which is oneDNN: \(text)")
    }

    deinit { unsafe cdnn_engine_destroy(created) }

    /// oneDNN's version: "2.6.3".
    static func version() throws(ComputeError) -> String {
        try open()
        let version = cdnn_library_version()
        return "\(version.major).\(version.minor).\(version.patch)"
    }

    /// The file name that it is known by.
    static var libraryName: String { unsafe String(cString: cdnn_library()) }

    /// Whether it multiplies in bf16 on this CPU.
    static var hasBF16: Bool { (try? open()) != nil && cdnn_has_bf16() }

    /// Copies between two layouts of the same array, converting the dtype.
    ///
    /// False, and nothing done, where oneDNN has no kernel for it, unless a loop will do.
    @discardableResult
    func reorder(
        _ x: UnsafeMutableRawPointer, _ xLayout: Layout, into out: UnsafeMutableRawPointer, _ outLayout: Layout,
        for purpose: @autoclosure () -> String, acceptsLoop: Bool = false
    ) throws(ComputeError) -> Bool {
        let primitive = try unsafe Primitive.kernel(on: self, acceptsLoop: acceptsLoop) {
            unsafe cdnn_reorder_create(&$0, $1, outLayout.handle, xLayout.handle)
        }
        guard let primitive else { return false }
        note("reorder of " + purpose(), primitive.implementation)
        try unsafe primitive.run([x, out], scratch: nil)
        return true
    }

    func note(_ asked: @autoclosure () -> String, _ chosen: @autoclosure () -> String) {
        if rests { decisions[asked()] = chosen() }
    }
}

/// Turns a failure of oneDNN into an error.
func check(_ result: cdnn_result) throws(ComputeError) {
    guard let call = unsafe result.call else { return }
    throw unsafe ComputeError.failed(
        call: String(cString: call), status: Int(result.status), reason: nil, backend: "cpu")
}

/// What a function of oneDNN creates.
func made(_ create: (inout OpaquePointer?) -> cdnn_result) throws(ComputeError) -> OpaquePointer {
    try OneDNN.open()
    var result: OpaquePointer?
    try unsafe check(create(&result))
    guard let result = unsafe result else {
        throw ComputeError.unavailable(backend: "cpu", reason: "oneDNN gave nothing")
    }
    return unsafe result
}
