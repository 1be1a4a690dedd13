package import Compute

extension StoredTensor {
    /// A tensor that no checkpoint holds, because its values follow from something else.
    package init(_ values: [Float], _ shape: Shape) {
        self.init(bytes: HostBytes(copying: values), dtype: .f32, shape: shape)
    }

    /// The elements, of a floating type, in f32.
    var floats: [Float] {
        switch dtype {
        case .f32: bytes.floats
        case .f16: (bytes.elements() as [Float16]).map { Float($0) }
        case .bf16: (bytes.elements() as [UInt16]).map { Float(bitPattern: UInt32($0) << 16) }
        case .u8, .i32: preconditionFailure("\(dtype) is no floating type")
        }
    }
}
