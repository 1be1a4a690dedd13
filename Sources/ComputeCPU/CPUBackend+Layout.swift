import CKernels
package import Compute

extension CPUBackend {
    package func embedding(_ ids: [Int32], _ table: Tensor, into out: Tensor) throws(ComputeError) {
        let (rows, width) = (table.shape[0], table.shape.last)
        precondition(out.shape == [ids.count, width], "embedding of \(ids.count) ids into \(out.shape)")
        for id in ids { precondition(id >= 0 && Int(id) < rows, "id \(id) outside the table of \(rows) rows") }
        if let table = table.storage as? QuantisedStorage { return try embedding(ids, table, into: out) }
        unsafe ck_embedding(
            target(out), out.dtype.ck, address(table), table.dtype.ck, ids, ids.count, width, workers)
    }

    package func patchify(_ x: Tensor, patch: PatchSize, into out: Tensor) throws(ComputeError) {
        var patches = patches(x.shape, patch)
        precondition(
            out.shape.rows == tokens(x.shape, patch) && out.shape.last >= x.shape[0] * patch.volume,
            "patchify of \(x.shape) into \(out.shape)")
        unsafe ck_patchify(
            target(out), out.dtype.ck, floats(x, count: x.count, "latents"), &patches, out.shape.last, workers)
    }

    package func unpatchify(_ x: Tensor, patch: PatchSize, into out: Tensor) throws(ComputeError) {
        var patches = patches(out.shape, patch)
        precondition(
            x.count == out.count && out.dtype == .f32, "unpatchify of \(x.shape) into \(out.shape) \(out.dtype)")
        unsafe ck_unpatchify(
            target(out).assumingMemoryBound(to: Float.self), address(x), x.dtype.ck, &patches, workers)
    }

    package func channelsLast(
        _ x: Tensor, frame: Int, gain: Tensor, offset: Tensor, into out: Tensor
    ) throws(ComputeError) {
        let (channels, frames, pixels) = (x.shape[0], x.shape[1], x.shape[2] * x.shape[3])
        precondition((0..<frames).contains(frame), "frame \(frame) of \(x.shape)")
        precondition(
            out.count == pixels * channels && out.shape.last == channels, "frame of \(x.shape) into \(out.shape)")
        unsafe ck_channels_last(
            target(out), out.dtype.ck, floats(x, count: x.count, "latents"), floats(gain, count: channels, "gain"),
            floats(offset, count: channels, "offset"), frame, channels, frames, pixels, workers)
    }

    package func upsample2x(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        let expected = Shape([x.shape[0], 2 * x.shape[1], 2 * x.shape[2], x.shape[3]])
        precondition(out.shape == expected && x.dtype == out.dtype, "upsample2x into \(out.shape), not \(expected)")
        unsafe ck_upsample2x(
            target(out), address(x), x.dtype.ck, x.shape[0], x.shape[1], x.shape[2], x.shape[3], workers)
    }

    package func interleaveFrames(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        let expected = Shape([2 * x.shape[0], x.shape[1], x.shape[2], x.shape[3] / 2])
        precondition(
            out.shape == expected && x.dtype == out.dtype, "interleaveFrames into \(out.shape), not \(expected)")
        unsafe ck_interleave_frames(
            target(out), address(x), x.dtype.ck, x.shape[0], x.shape[1] * x.shape[2], x.shape[3] / 2, workers)
    }

    package func addRepeatedUp(
        _ x: Tensor, time: Int, space: Int, skip: Int, into out: Tensor
    ) throws(ComputeError) {
        let expected = Shape([x.shape[0] * time - skip, x.shape[1] * space, x.shape[2] * space, out.shape.last])
        precondition(out.shape == expected, "addRepeatedUp into \(out.shape), not \(expected)")
        precondition(
            out.shape.last * time * space * space % x.shape.last == 0,
            "addRepeatedUp of \(x.shape.last) channels to \(out.shape.last)")
        var up = ck_repeated_up(
            frames: x.shape[0], height: x.shape[1], width: x.shape[2], in_channels: x.shape[3],
            out_channels: out.shape.last, time: time, space: space, skip: skip)
        unsafe ck_add_repeated_up(target(out), out.dtype.ck, address(x), x.dtype.ck, &up, workers)
    }

    package func pixels(_ x: Tensor, patch: Int, into out: Tensor) throws(ComputeError) {
        let expected = Shape([x.shape[0], x.shape[1] * patch, x.shape[2] * patch, 3])
        precondition(
            out.shape == expected && out.dtype == .u8, "pixels into \(out.shape) \(out.dtype), not \(expected)")
        precondition(x.shape.last == 3 * patch * patch, "pixels of \(x.shape) with patch \(patch)")
        unsafe ck_pixels(
            target(out).assumingMemoryBound(to: UInt8.self), address(x), x.dtype.ck, x.shape[0], x.shape[1],
            x.shape[2], patch, workers)
    }

    private func patches(_ latents: Shape, _ patch: PatchSize) -> ck_patches {
        precondition(
            latents[1] % patch.time == 0 && latents[2] % patch.height == 0 && latents[3] % patch.width == 0,
            "\(latents) in patches of \(patch)")
        return ck_patches(
            channels: latents[0], frames: latents[1], height: latents[2], width: latents[3],
            patch_frames: patch.time, patch_height: patch.height, patch_width: patch.width)
    }

    private func tokens(_ latents: Shape, _ patch: PatchSize) -> Int {
        latents[1] / patch.time * (latents[2] / patch.height) * (latents[3] / patch.width)
    }
}
