package import Compute

extension StoredTensor {
    /// A tensor that no checkpoint holds, because its values follow from something else.
    package init(_ values: [Float], _ shape: Shape) {
        self.init(bytes: HostBytes(copying: values), dtype: .f32, shape: shape)
    }

    /// Zeros, which take no memory.
    static func zeros(_ shape: Shape) throws(WeightError) -> StoredTensor {
        StoredTensor(bytes: try MappedFile.zeros(shape.count * DType.f32.byteWidth), dtype: .f32, shape: shape)
    }

    /// The elements in f32; nil where they are of no floating type, or quantised.
    var floatsIfDense: [Float]? {
        switch format {
        case .dense(.f32): bytes.floats
        case .dense(.f16): (bytes.elements() as [Float16]).map { Float($0) }
        case .dense(.bf16): (bytes.elements() as [UInt16]).map { Float(bitPattern: UInt32($0) << 16) }
        case .dense(.u8), .dense(.i32), .quantised: nil
        }
    }

    /// The elements, of a floating type, in f32.
    var floats: [Float] {
        guard let floats = floatsIfDense else { preconditionFailure("\(format.name) is no floating type") }
        return floats
    }
}
