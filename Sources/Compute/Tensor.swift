/// Memory that belongs to one backend and is released with its last tensor.
package protocol Storage: AnyObject {
    var byteCount: Int { get }
}

/// A contiguous row-major array in the memory of one backend.
///
/// A tensor is a view: several may share one storage. It is confined to the engine's thread.
package struct Tensor {
    package let storage: any Storage
    package let shape: Shape
    package let dtype: DType
    /// Distance of the first element from the start of the storage, in bytes.
    package let byteOffset: Int

    package init(storage: any Storage, shape: Shape, dtype: DType, byteOffset: Int = 0) {
        self.storage = storage
        self.shape = shape
        self.dtype = dtype
        self.byteOffset = byteOffset
    }

    package var count: Int { shape.count }
    package var byteCount: Int { shape.count * dtype.byteWidth }

    /// The same elements under another shape of equal count.
    package func reshaped(_ shape: Shape) -> Tensor {
        precondition(shape.count == self.shape.count, "reshape \(self.shape) to \(shape)")
        return Tensor(storage: storage, shape: shape, dtype: dtype, byteOffset: byteOffset)
    }

    /// A view of `range` along the outermost dimension.
    package subscript(_ range: Range<Int>) -> Tensor {
        precondition(range.lowerBound >= 0 && range.upperBound <= shape[0], "slice \(range) of \(shape)")
        let stride = shape.dims.dropFirst().reduce(1, *)
        return Tensor(
            storage: storage, shape: Shape([range.count] + shape.dims.dropFirst()), dtype: dtype,
            byteOffset: byteOffset + range.lowerBound * stride * dtype.byteWidth)
    }

    /// A view of element `index` along the outermost dimension, without that dimension.
    package subscript(_ index: Int) -> Tensor {
        let row = self[index..<index + 1]
        return row.reshaped(Shape(Array(shape.dims.dropFirst())))
    }
}
