package import Compute

extension StoredTensor {
    /// A copy in which axes `a` and `b`, a before b, have changed places; itself where that is the same order of bytes.
    package func transposed(_ a: Int, _ b: Int) -> StoredTensor {
        precondition(format.quantisation == nil, "\(format) transposed")
        var dims = shape.dims
        dims.swapAt(a, b)
        guard shape.dims[a...b].count(where: { $0 > 1 }) > 1 else { return reshaped(Shape(dims)) }
        let rows = shape.dims[..<a].reduce(1, *)
        let middle = shape.dims[(a + 1)..<b].reduce(1, *)
        let part = shape.dims[(b + 1)...].reduce(1, *) * dtype.byteWidth
        let (first, last) = (shape[a], shape[b])
        let all = bytes.copied
        var turned: [UInt8] = []
        turned.reserveCapacity(all.count)
        for row in 0..<rows {
            for j in 0..<last {
                for k in 0..<middle {
                    for i in 0..<first {
                        let start = (((row * first + i) * middle + k) * last + j) * part
                        turned += all[start..<start + part]
                    }
                }
            }
        }
        return StoredTensor(bytes: HostBytes(turned), dtype: dtype, shape: Shape(dims))
    }
}
