package import Compute

extension StoredTensor {
    /// Copies of the parts with each index along `axis`, which stays with extent 1.
    package func slices(ofAxis axis: Int) -> [StoredTensor] {
        precondition(format.quantisation == nil, "slices of \(format)")
        let rows = shape.dims[..<axis].reduce(1, *)
        let part = shape.dims[(axis + 1)...].reduce(1, *) * dtype.byteWidth
        let row = shape[axis] * part
        var dims = shape.dims
        dims[axis] = 1
        let all = bytes.copied
        return (0..<shape[axis]).map { index in
            var slice: [UInt8] = []
            for start in stride(from: index * part, to: rows * row, by: row) { slice += all[start..<start + part] }
            return StoredTensor(bytes: HostBytes(slice), dtype: dtype, shape: Shape(dims))
        }
    }
}
