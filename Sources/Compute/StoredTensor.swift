/// How the numbers of a stored tensor lie in memory.
package enum StoredFormat: Hashable, Sendable {
    /// One after the other.
    case dense(DType)
    /// In blocks, one after the other.
    case quantised(Quantisation)

    /// Bytes of an array of whole blocks.
    package func byteCount(_ shape: Shape) -> Int {
        switch self {
        case .dense(let dtype): shape.count * dtype.byteWidth
        case .quantised(let quantisation): shape.count / quantisation.blockCount * quantisation.blockBytes
        }
    }

    /// Numbers in so many bytes.
    package func count(ofBytes byteCount: Int) -> Int {
        switch self {
        case .dense(let dtype): byteCount / dtype.byteWidth
        case .quantised(let quantisation): byteCount / quantisation.blockBytes * quantisation.blockCount
        }
    }

    /// Of the elements as they are read.
    package var dtype: DType {
        switch self {
        case .dense(let dtype): dtype
        case .quantised: .f32
        }
    }

    /// As people write it: "bf16", "Q8_0".
    package var name: String {
        switch self {
        case .dense(let dtype): "\(dtype)"
        case .quantised(let quantisation): quantisation.rawValue
        }
    }

    package var quantisation: Quantisation? {
        switch self {
        case .dense: nil
        case .quantised(let quantisation): quantisation
        }
    }
}

/// A tensor as a checkpoint stores it: bytes in host memory, not yet in a backend.
package struct StoredTensor: Sendable {
    package let bytes: HostBytes
    package let format: StoredFormat
    package let shape: Shape
    /// Factors of a quantised matrix; nil where its numbers have their values.
    package let scales: WeightScales?

    package init(bytes: HostBytes, format: StoredFormat, shape: Shape, scales: WeightScales? = nil) {
        precondition(bytes.count == format.byteCount(shape), "\(bytes.count) bytes for \(shape) \(format)")
        precondition(shape.count % (format.quantisation?.blockCount ?? 1) == 0, "blocks of \(shape) \(format)")
        self.bytes = bytes
        self.format = format
        self.shape = shape
        self.scales = scales
    }

    package init(bytes: HostBytes, dtype: DType, shape: Shape) {
        self.init(bytes: bytes, format: .dense(dtype), shape: shape)
    }

    package var dtype: DType { format.dtype }

    /// Numbers of an element of the outermost dimension: of a row, where the tensor is taken for a matrix.
    package var matrixColumns: Int { shape.dims.dropFirst().reduce(1, *) }

    /// Whether each row is of whole blocks.
    package var hasWholeRows: Bool { matrixColumns % (format.quantisation?.blockCount ?? 1) == 0 }

    /// The part in `range` of the outermost dimension; rows are whole.
    package subscript(_ range: Range<Int>) -> StoredTensor {
        precondition(hasWholeRows, "rows of \(shape) \(format)")
        let stride = format.byteCount(Shape(Array(shape.dims.dropFirst())))
        return StoredTensor(
            bytes: bytes[range.lowerBound * stride..<range.upperBound * stride], format: format,
            shape: Shape([range.count] + shape.dims.dropFirst()),
            scales: scales?.cut(to: range, columns: matrixColumns))
    }

    /// Whether rows with scales of their own stay rows under another shape.
    package func keepsScales(as shape: Shape) -> Bool {
        guard let scales, scales.extent != .matrix else { return true }
        return shape.dims.first == self.shape.dims.first
    }

    /// The same bytes under another shape of equal count, which keeps rows that have scales.
    package func reshaped(_ shape: Shape) -> StoredTensor {
        precondition(keepsScales(as: shape), "\(self.shape) with scales of rows as \(shape)")
        return StoredTensor(bytes: bytes, format: format, shape: shape, scales: scales)
    }
}
