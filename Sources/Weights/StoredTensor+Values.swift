package import Compute

extension StoredTensor {
    /// A tensor that no checkpoint holds, because its values follow from a structure.
    package init(_ values: [Float], _ shape: Shape) {
        let bytes = values.flatMap { value in (0..<4).map { UInt8(truncatingIfNeeded: value.bitPattern >> (8 * $0)) } }
        self.init(bytes: HostBytes(bytes), dtype: .f32, shape: shape)
    }
}
