import CKernels
package import Compute

extension CUDABackend {
    package func resident(_ stored: StoredTensor) throws(ComputeError) -> Tensor {
        if let quantisation = stored.format.quantisation {
            guard stored.hasWholeRows else { return try dense(stored) }
            return Tensor(storage: try quantised(stored, quantisation), shape: stored.shape, dtype: stored.dtype)
        }
        let out = try allocate(stored.shape, stored.dtype)
        try uploads.upload(stored.bytes, to: address(out))
        return out
    }

    package func vector(_ stored: StoredTensor) throws(ComputeError) -> Tensor {
        try converted(stored, to: .f32)
    }

    package func linearWeight(_ stored: StoredTensor, for dtype: DType) throws(ComputeError) -> LinearWeight {
        let (rows, columns) = (stored.shape[0], stored.matrixColumns)
        if let quantisation = stored.format.quantisation, stored.hasWholeRows {
            return LinearWeight(
                storage: try quantised(stored, quantisation, mayBeLate: true), outFeatures: rows, inFeatures: columns,
                format: stored.format, dtype: dtype)
        }
        return LinearWeight(
            storage: try matrix(stored, dtype), outFeatures: rows, inFeatures: columns, dtype: dtype)
    }

    private func matrix(_ stored: StoredTensor, _ dtype: DType) throws(ComputeError) -> any Storage {
        guard let late else { return try converted(stored, to: dtype).storage }
        let isReady = stored.format == .dense(dtype)
        let storage = DeviceStorage(stored.shape.count * dtype.byteWidth, laterFrom: pool)
        late.add(storage, isReady ? stored.bytes : nil) { [unowned self] (storage) throws(ComputeError) in
            guard !isReady else { return try uploads.upload(stored.bytes, to: address(storage)) }
            try copy(dense(stored), into: Tensor(storage: storage, shape: stored.shape, dtype: dtype))
        }
        return storage
    }

    package func convolutionWeight(
        _ stored: StoredTensor, for dtype: DType
    ) throws(ComputeError) -> ConvolutionWeight {
        precondition(stored.shape.rank == 5, "convolution weight \(stored.shape)")
        let dims = stored.shape.dims
        let taps = dims[2] * dims[3] * dims[4]
        let packed = try allocate([taps, dims[0], dims[1]], dtype)
        let raw = try dense(stored)
        var arguments = ck_pack_weight_arguments()
        (arguments.out, arguments.x) = (address(packed), address(raw))
        (arguments.out_channels, arguments.in_channels) = (Int32(dims[0]), Int32(dims[1]))
        (arguments.in_padded, arguments.taps) = (Int32(dims[1]), Int32(taps))
        try launchPieces(
            "pack_weight_\(stored.dtype)_\(dtype)", of: "layout", rows: taps, elements: dims[0] * dims[1], arguments)
        return ConvolutionWeight(
            storage: packed.storage, outChannels: dims[0], inChannels: dims[1], kernel: Array(dims[2...]),
            dtype: dtype)
    }

    private func converted(_ stored: StoredTensor, to dtype: DType) throws(ComputeError) -> Tensor {
        let raw = try dense(stored)
        guard stored.dtype != dtype else { return raw }
        let out = try allocate(stored.shape, dtype)
        try copy(raw, into: out)
        return out
    }
}
