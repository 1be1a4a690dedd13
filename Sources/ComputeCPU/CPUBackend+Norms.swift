import CKernels
package import Compute

extension CPUBackend {
    package func layerNorm(
        _ x: Tensor, gain: Tensor?, offset: Tensor?, runs: RowRuns, eps: Float, into out: Tensor
    ) throws(ComputeError) {
        let width = x.shape.last
        precondition(x.count == out.count, "layerNorm of \(x.shape) into \(out.shape)")
        for part in runs.parts(rows: x.shape.rows, width: width, [gain, offset]) {
            let (x, out) = (x.rows(part.rows), out.reshaped(x.shape).rows(part.rows))
            let (gain, offset) = (
                gain?.vector(part.index, width: width), offset?.vector(part.index, width: width)
            )
            unsafe ck_layer_norm(
                target(out), out.dtype.ck, address(x), x.dtype.ck,
                gain.map { unsafe floats($0, count: width, "gain") },
                offset.map { unsafe floats($0, count: width, "offset") }, x.shape.rows, width, eps, workers)
        }
    }

    package func layerNormRotary(
        _ x: Tensor, gain: Tensor, offset: Tensor, eps: Float, heads: Int, rotary: RotaryTable?
    ) throws(ComputeError) {
        let headDim = checkHeads(x, heads)
        let pairs = x.shape.rows * (headDim / 2)
        unsafe ck_layer_norm_rotary(
            target(x), x.dtype.ck, floats(gain, count: headDim, "gain"), floats(offset, count: headDim, "offset"),
            rotary.map { unsafe floats($0.cosine, count: pairs, "cosine") },
            rotary.map { unsafe floats($0.sine, count: pairs, "sine") }, x.shape.rows, heads, headDim, eps, workers)
    }

    package func rmsNorm(_ x: Tensor, gain: Tensor, eps: Float, into out: Tensor) throws(ComputeError) {
        let width = x.shape.last
        precondition(x.count == out.count, "rmsNorm of \(x.shape) into \(out.shape)")
        unsafe ck_rms_norm(
            target(out), out.dtype.ck, address(x), x.dtype.ck, floats(gain, count: width, "gain"), x.shape.rows, width,
            eps, workers)
    }

    package func rmsNormRotary(
        _ x: Tensor, gain: Tensor, eps: Float, heads: Int, rotary: RotaryTable?
    ) throws(ComputeError) {
        let width = x.shape.last
        precondition(width % heads == 0, "\(heads) heads in \(x.shape)")
        let pairs = x.shape.rows * (width / heads / 2)
        unsafe ck_rms_norm_rotary(
            target(x), x.dtype.ck, floats(gain, count: width, "gain"),
            rotary.map { unsafe floats($0.cosine, count: pairs, "cosine") },
            rotary.map { unsafe floats($0.sine, count: pairs, "sine") }, x.shape.rows, heads, width / heads, eps,
            workers)
    }

    package func channelNorm(_ x: Tensor, gain: Tensor, silu: Bool, into out: Tensor) throws(ComputeError) {
        let width = x.shape.last
        precondition(x.count == out.count, "channelNorm of \(x.shape) into \(out.shape)")
        unsafe ck_channel_norm(
            target(out), out.dtype.ck, address(x), x.dtype.ck, floats(gain, count: width, "gain"), silu, x.shape.rows,
            width, workers)
    }

    package func groupNorm(
        _ x: Tensor, groups: Int, gain: Tensor, offset: Tensor, places: PlaceVectors?, eps: Float, silu: Bool,
        into out: Tensor
    ) throws(ComputeError) {
        let channels = x.shape.last
        checkGroupNorm(x, groups: groups, places, into: out)
        var nearest = unsafe ck_places()
        if let places {
            let (own, all) = (places.gain.shape, x.shape)
            unsafe nearest = ck_places(
                gain: floats(places.gain, count: own.count, "gains"),
                offset: floats(places.offset, count: own.count, "offsets"), frames: own[0], height: own[1],
                width: own[2], x_frames: all[0], x_height: all[1], x_width: all[2],
                parts_first_frame: places.partsFirstFrame)
        }
        let isDone = unsafe withUnsafePointer(to: nearest) { nearest in
            unsafe ck_group_norm(
                target(out), out.dtype.ck, address(x), x.dtype.ck, floats(gain, count: channels, "gain"),
                floats(offset, count: channels, "offset"), places == nil ? nil : nearest, silu, x.shape.rows, channels,
                groups, eps, workers)
        }
        guard isDone else { throw ComputeError.outOfMemory(requested: 0, backend: name) }
    }
}
