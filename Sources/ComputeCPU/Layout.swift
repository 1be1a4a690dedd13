import COneDNN
import Compute

/// Where oneDNN finds the elements of an array.
@safe
final class Layout {
    let handle: OpaquePointer

    /// Takes over a layout that a function of oneDNN created.
    init(consuming handle: OpaquePointer) {
        unsafe self.handle = handle
    }

    /// A layout of an array of extents `dims`.
    init(_ dims: [Int], _ dtype: DType, _ order: cdnn_order) throws(ComputeError) {
        let extents = dims.map(Int64.init)
        unsafe handle = try unsafe made {
            unsafe cdnn_layout_create(&$0, Int32(clamping: extents.count), extents, Self.type(dtype), order)
        }
    }

    /// The layout of an array of extents `dims` with these distances between elements.
    init(_ dims: [Int], _ dtype: DType, strides: [Int]) throws(ComputeError) {
        precondition(dims.count == strides.count, "\(strides.count) strides for \(dims.count) dimensions")
        let (extents, distances) = (dims.map(Int64.init), strides.map(Int64.init))
        unsafe handle = try unsafe made {
            unsafe cdnn_layout_create_strided(
                &$0, Int32(clamping: extents.count), extents, Self.type(dtype), distances)
        }
    }

    deinit { unsafe cdnn_layout_destroy(handle) }

    var byteCount: Int { unsafe cdnn_layout_bytes(handle) }

    func isSame(as other: Layout) -> Bool { unsafe cdnn_layout_equal(handle, other.handle) }

    private static func type(_ dtype: DType) -> cdnn_dtype {
        switch dtype {
        case .f32: CDNN_DTYPE_F32
        case .bf16: CDNN_DTYPE_BF16
        case .f16, .u8, .i32: preconditionFailure("oneDNN is not asked for \(dtype)")
        }
    }
}
