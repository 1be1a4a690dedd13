import CKernels
import KernelEmulation

/// A map of rows of bf16 or f32; a box is so many columns wide and rows high.
func tensorMap(
    _ base: ck_address, rows: Int, columns: Int, elementBytes: Int = 2, box: (Int, Int) = (64, 64)
) -> ck_tensor_map {
    tensorMap(
        base, extents: [columns, rows], strides: [columns], box: [box.0, box.1], elementBytes: elementBytes)
}

/// A map with strides in elements, those of the dimensions after the first.
///
/// Rows of a box of 64 bytes are swizzled by as many, others by 128.
func tensorMap(
    _ base: ck_address, extents: [Int], strides: [Int], box: [Int], elementBytes: Int = 2
) -> ck_tensor_map {
    var layout = ck_tensor_layout()
    (layout.base, layout.rank) = (base, Int32(extents.count))
    layout.dtype = Int32(elementBytes == 2 ? CK_TENSOR_MAP_BF16 : CK_TENSOR_MAP_F32)
    let isNarrow = box[0] * elementBytes == 64
    layout.swizzle = Int32(isNarrow ? CK_TENSOR_MAP_SWIZZLE_64B : CK_TENSOR_MAP_SWIZZLE_128B)
    let extents = padded(extents, UInt64.init)
    let strides = padded(strides.map { $0 * elementBytes }, UInt64.init)
    let box = padded(box, UInt32.init)
    layout.extents = (extents[0], extents[1], extents[2], extents[3], extents[4])
    layout.strides = (strides[0], strides[1], strides[2], strides[3])
    layout.box = (box[0], box[1], box[2], box[3], box[4])
    var map = ck_tensor_map()
    precondition(unsafe emulation_write_tensor_map(&layout, &map) == 0)
    return map
}

private func padded<Number>(_ values: [Int], _ convert: (Int) -> Number) -> [Number] {
    (values + [Int](repeating: 0, count: 5 - values.count)).map(convert)
}
