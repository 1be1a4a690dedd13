import CKernels
package import Compute

extension CUDABackend {
    package func embedding(_ ids: [Int32], _ table: Tensor, into out: Tensor) throws(ComputeError) {
        let (rows, width) = (table.shape[0], table.shape.last)
        precondition(out.shape == [ids.count, width], "embedding of \(ids.count) ids into \(out.shape)")
        for id in ids { precondition(id >= 0 && Int(id) < rows, "id \(id) outside the table of \(rows) rows") }
        if let table = table.storage as? QuantisedStorage { return try embedding(ids, table, into: out) }
        let places = try upload(ids)
        var arguments = ck_embedding_arguments()
        (arguments.out, arguments.table, arguments.ids) = (address(out), address(table), address(places))
        (arguments.count, arguments.width) = (Int32(ids.count), Int32(width))
        try launchPieces(
            "embedding_\(table.dtype)_\(out.dtype)", of: "layout", rows: ids.count, elements: width, arguments)
    }

    package func patchify(_ x: Tensor, patch: PatchSize, into out: Tensor) throws(ComputeError) {
        let tokens = tokens(x.shape, patch)
        precondition(
            x.dtype == .f32 && out.shape.rows == tokens && out.shape.last >= x.shape[0] * patch.volume,
            "patchify of \(x.shape) into \(out.shape)")
        var arguments = patches(x.shape, patch)
        (arguments.out, arguments.x) = (address(out), address(x))
        arguments.out_width = Int32(out.shape.last)
        let frames = x.shape[1] / patch.time
        try launchPieces(
            "patchify_\(out.dtype)", of: "layout", rows: frames,
            elements: tokens / max(frames, 1) * x.shape[0] * patch.volume,
            arguments)
    }

    package func unpatchify(_ x: Tensor, patch: PatchSize, into out: Tensor) throws(ComputeError) {
        precondition(out.dtype == .f32 && x.count == out.count, "unpatchify of \(x.shape) into \(out.shape)")
        var arguments = patches(out.shape, patch)
        (arguments.out, arguments.x) = (address(out), address(x))
        try launchPieces(
            "unpatchify_\(x.dtype)", of: "layout", rows: out.shape[0] * out.shape[1],
            elements: out.shape[2] * out.shape[3],
            arguments)
    }

    package func channelsLast(
        _ x: Tensor, frame: Int, gain: Tensor, offset: Tensor, into out: Tensor
    ) throws(ComputeError) {
        let (channels, frames, pixels) = (x.shape[0], x.shape[1], x.shape[2] * x.shape[3])
        precondition(
            frame < frames && out.count == channels * pixels, "channelsLast of \(x.shape), \(frame) into \(out.shape)")
        var arguments = ck_channels_last_arguments()
        (arguments.out, arguments.x) = (address(out), floats(x, count: x.count, "latents"))
        arguments.gain = floats(gain, count: channels, "gain")
        arguments.offset = floats(offset, count: channels, "offset")
        (arguments.frame, arguments.channels) = (Int32(frame), Int32(channels))
        (arguments.frames, arguments.pixels) = (Int32(frames), Int32(pixels))
        try launchPieces("channels_last_\(out.dtype)", of: "layout", elements: pixels * channels, arguments)
    }

    package func upsample2x(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        let dims = x.shape.dims
        precondition(
            out.shape == [dims[0], 2 * dims[1], 2 * dims[2], dims[3]] && x.dtype == out.dtype,
            "upsample2x of \(x.shape) into \(out.shape)")
        try resize("upsample2x", x, x.shape, rows: dims[0] * dims[1], elements: dims[2] * dims[3], into: out)
    }

    package func interleaveFrames(_ x: Tensor, into out: Tensor) throws(ComputeError) {
        let dims = x.shape.dims
        precondition(
            out.shape == [2 * dims[0], dims[1], dims[2], dims[3] / 2] && x.dtype == out.dtype,
            "interleaveFrames of \(x.shape) into \(out.shape)")
        try resize("interleave_frames", x, x.shape, rows: dims[0], elements: dims[1] * dims[2] * dims[3], into: out)
    }

    private func resize(
        _ name: String, _ x: Tensor, _ shape: Shape, rows: Int, elements: Int, into out: Tensor
    ) throws(ComputeError) {
        var arguments = ck_resize_arguments()
        (arguments.out, arguments.x) = (address(out), address(x))
        (arguments.frames, arguments.height) = (Int32(shape[0]), Int32(shape[1]))
        (arguments.width, arguments.channels) = (Int32(shape[2]), Int32(shape[3]))
        try launchPieces("\(name)_\(8 * x.dtype.byteWidth)", of: "layout", rows: rows, elements: elements, arguments)
    }

    package func addRepeatedUp(
        _ x: Tensor, time: Int, space: Int, skip: Int, into out: Tensor
    ) throws(ComputeError) {
        let dims = x.shape.dims
        let channels = out.shape.last
        precondition(
            out.shape == [dims[0] * time - skip, dims[1] * space, dims[2] * space, channels],
            "addRepeatedUp of \(x.shape) into \(out.shape)")
        precondition(
            channels * time * space * space % dims[3] == 0, "\(dims[3]) channels do not repeat into \(channels)")
        var arguments = ck_repeated_up_arguments()
        (arguments.out, arguments.x) = (address(out), address(x))
        (arguments.frames, arguments.height, arguments.width) = (Int32(dims[0]), Int32(dims[1]), Int32(dims[2]))
        (arguments.in_channels, arguments.out_channels) = (Int32(dims[3]), Int32(channels))
        (arguments.time, arguments.space, arguments.skip) = (Int32(time), Int32(space), Int32(skip))
        try launchPieces(
            "add_repeated_up_\(x.dtype)_\(out.dtype)", of: "layout", rows: out.shape[0] * out.shape[1],
            elements: out.shape[2] * channels, arguments)
    }

    package func pixels(_ x: Tensor, patch: Int, into out: Tensor) throws(ComputeError) {
        let dims = x.shape.dims
        precondition(dims[3] == 3 * patch * patch && out.count == x.count, "pixels of \(x.shape) into \(out.shape)")
        var arguments = ck_pixels_arguments()
        (arguments.out, arguments.x) = (address(out), address(x))
        (arguments.frames, arguments.height) = (Int32(dims[0]), Int32(dims[1]))
        (arguments.width, arguments.patch) = (Int32(dims[2]), Int32(patch))
        try launchPieces(
            "pixels_\(x.dtype)", of: "layout", rows: dims[0], elements: dims[1] * dims[2] * dims[3], arguments)
    }

    private func patches(_ shape: Shape, _ patch: PatchSize) -> ck_patch_arguments {
        var arguments = ck_patch_arguments()
        (arguments.channels, arguments.frames) = (Int32(shape[0]), Int32(shape[1]))
        (arguments.height, arguments.width) = (Int32(shape[2]), Int32(shape[3]))
        (arguments.patch_frames, arguments.patch_height) = (Int32(patch.time), Int32(patch.height))
        arguments.patch_width = Int32(patch.width)
        return arguments
    }

    private func tokens(_ shape: Shape, _ patch: PatchSize) -> Int {
        shape[1] / patch.time * (shape[2] / patch.height) * (shape[3] / patch.width)
    }
}
