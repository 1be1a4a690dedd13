/// How the numbers of a stored tensor lie in memory.
package enum StoredFormat: Hashable, Sendable {
    /// One after the other.
    case dense(DType)

    /// Bytes of an array; rows of the innermost dimension are whole.
    package func byteCount(_ shape: Shape) -> Int {
        switch self {
        case .dense(let dtype): shape.count * dtype.byteWidth
        }
    }

    /// Of the elements.
    package var dtype: DType {
        switch self {
        case .dense(let dtype): dtype
        }
    }
}

/// A tensor as a checkpoint stores it: bytes in host memory, not yet in a backend.
package struct StoredTensor: Sendable {
    package let bytes: HostBytes
    package let format: StoredFormat
    package let shape: Shape

    package init(bytes: HostBytes, format: StoredFormat, shape: Shape) {
        precondition(bytes.count == format.byteCount(shape), "\(bytes.count) bytes for \(shape) \(format)")
        self.bytes = bytes
        self.format = format
        self.shape = shape
    }

    package init(bytes: HostBytes, dtype: DType, shape: Shape) {
        self.init(bytes: bytes, format: .dense(dtype), shape: shape)
    }

    package var dtype: DType { format.dtype }

    /// The part in `range` of the outermost dimension.
    package subscript(_ range: Range<Int>) -> StoredTensor {
        let stride = format.byteCount(Shape(Array(shape.dims.dropFirst())))
        return StoredTensor(
            bytes: bytes[range.lowerBound * stride..<range.upperBound * stride], format: format,
            shape: Shape([range.count] + shape.dims.dropFirst()))
    }

    /// The same bytes under another shape of equal count.
    package func reshaped(_ shape: Shape) -> StoredTensor {
        StoredTensor(bytes: bytes, format: format, shape: shape)
    }
}
