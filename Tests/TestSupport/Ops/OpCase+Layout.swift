import Compute
import Glibc

extension OpCase {
    /// Gathers, patches and the rearrangements of the VAEs.
    package static var layout: [OpCase] {
        var cases: [OpCase] = []
        for dtype in [DType.f32, .bf16] {
            let bound = errorBound(dtype)
            for stored in [DType.f32, .bf16, .f16] {
                for width in [37, 4104] {
                    cases.append(
                        OpCase("embedding \(width) \(stored) to \(dtype)", bound) {
                            try embedding($0, width, stored, dtype)
                        })
                }
            }
            for (latents, patch, width) in [
                (Shape([4, 2, 4, 6]), PatchSize(time: 1, height: 2, width: 2), 20),
                ([4, 2, 4, 6], PatchSize(time: 2, height: 1, width: 3), 24),
                ([9, 2, 22, 24], PatchSize(time: 1, height: 2, width: 2), 36),
            ] {
                let text = "\(latents), \(patch) \(dtype)"
                cases.append(OpCase("patchify \(text)", bound) { try patchify($0, latents, patch, width, dtype) })
                cases.append(OpCase("unpatchify \(text)", bound) { try unpatchify($0, latents, patch, dtype) })
            }
            for shape: Shape in [[5, 3, 4, 7], [48, 2, 9, 11]] {
                cases.append(OpCase("channels last \(shape) \(dtype)", bound) { try channelsLast($0, shape, dtype) })
            }
            for shape: Shape in [[2, 3, 5, 9], [2, 3, 5, 16], [1, 2, 19, 232]] {
                cases.append(OpCase("upsample \(shape) \(dtype)", bound) { try upsample($0, shape, dtype) })
                cases.append(
                    OpCase("interleave frames \(shape) \(dtype)", bound) { try interleave($0, shape, dtype) })
            }
            for (time, space, inputs, outputs, skip) in [
                (2, 2, 16, 8, 1), (1, 2, 12, 6, 0), (2, 2, 8, 8, 0), (2, 1, 4, 2, 1), (1, 2, 1040, 520, 0),
            ] {
                cases.append(
                    OpCase("repeated up \(time) × \(space), \(inputs) to \(outputs), skip \(skip), \(dtype)", bound) {
                        try repeatedUp($0, (time, space, inputs, outputs, skip), dtype)
                    })
            }
            for (patch, width) in [(1, 5), (2, 5), (2, 130)] {
                cases.append(
                    OpCase("pixels \(width), patch \(patch), \(dtype)", 1e-9) { try pixels($0, patch, width, dtype) })
            }
        }
        return cases
    }

    private static func embedding(
        _ backend: any Backend, _ width: Int, _ stored: DType, _ outType: DType
    ) throws -> OpResult {
        let table = Operand([11, width], stored, seed: 1)
        let ids: [Int32] = [3, 0, 10, 3]
        let out = try backend.allocate([4, width], outType)
        try backend.embedding(ids, backend.resident(table.stored), into: out)
        return OpResult(
            try backend.download(out), from: ids.flatMap { table.doubles[Int($0) * width..<Int($0) * width + width] })
    }

    /// For each token, patch element and channel of latents: the token, (pt, ph, pw) as one number, c, the latents'
    /// index.
    private static func forEachPatchElement(
        _ latents: Shape, _ patch: PatchSize,
        _ body: (_ token: Int, _ inside: Int, _ channel: Int, _ index: Int) -> Void
    ) {
        let (rows, columns) = (latents[2] / patch.height, latents[3] / patch.width)
        for index in 0..<latents.count {
            let (x, y) = (index % latents[3], index / latents[3] % latents[2])
            let t = index / (latents[3] * latents[2]) % latents[1]
            let channel = index / (latents[3] * latents[2] * latents[1])
            let token = (t / patch.time * rows + y / patch.height) * columns + x / patch.width
            let inside = (t % patch.time * patch.height + y % patch.height) * patch.width + x % patch.width
            body(token, inside, channel, index)
        }
    }

    static func patchify(
        _ backend: any Backend, _ latents: Shape, _ patch: PatchSize, _ width: Int, _ outType: DType
    ) throws -> OpResult {
        let x = Operand(latents, seed: 1)
        let tokens = latents.count / latents[0] / patch.volume
        let out = try backend.allocate([tokens, width], outType)
        try backend.zero(out)
        try backend.patchify(x.tensor(on: backend), patch: patch, into: out)
        var expected = [Double](repeating: 0, count: tokens * width)
        forEachPatchElement(x.shape, patch) { token, inside, channel, index in
            expected[token * width + channel * patch.volume + inside] = x.doubles[index]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    static func unpatchify(
        _ backend: any Backend, _ latents: Shape, _ patch: PatchSize, _ dtype: DType
    ) throws -> OpResult {
        let channels = latents[0]
        let x = Operand([latents.count / channels / patch.volume, channels * patch.volume], dtype, seed: 1)
        let out = try backend.allocate(latents, .f32)
        try backend.unpatchify(x.tensor(on: backend), patch: patch, into: out)
        var expected = [Double](repeating: 0, count: latents.count)
        forEachPatchElement(latents, patch) { token, inside, channel, index in
            expected[index] = x.doubles[(token * patch.volume + inside) * channels + channel]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    static func channelsLast(_ backend: any Backend, _ shape: Shape, _ outType: DType) throws -> OpResult {
        let (channels, frames, pixels) = (shape[0], shape[1], shape[2] * shape[3])
        let x = Operand(shape, seed: 1)
        let (gain, offset) = (Operand([channels], seed: 2), Operand([channels], seed: 3))
        let out = try backend.allocate([1, shape[2], shape[3], channels], outType)
        try backend.channelsLast(
            x.tensor(on: backend), frame: 1, gain: gain.tensor(on: backend), offset: offset.tensor(on: backend),
            into: out)
        let expected = (0..<out.count).map { index -> Double in
            let (c, pixel) = (index % channels, index / channels)
            return x.doubles[(c * frames + 1) * pixels + pixel] * gain.doubles[c] + offset.doubles[c]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    static func upsample(_ backend: any Backend, _ shape: Shape, _ dtype: DType) throws -> OpResult {
        let (height, width, channels) = (shape[1], shape[2], shape[3])
        let x = Operand(shape, dtype, seed: 1)
        let out = try backend.allocate([shape[0], 2 * height, 2 * width, channels], dtype)
        try backend.upsample2x(x.tensor(on: backend), into: out)
        let expected = (0..<out.count).map {
            let (c, pixel) = ($0 % channels, $0 / channels)
            let (column, row) = (pixel % (2 * width), pixel / (2 * width) % (2 * height))
            let frame = pixel / (4 * width * height)
            return x.doubles[((frame * height + row / 2) * width + column / 2) * channels + c]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    /// - Parameter shape: `[frames, height, width, channels]` of x, but half of its channels.
    static func interleave(_ backend: any Backend, _ shape: Shape, _ dtype: DType) throws -> OpResult {
        let (frames, pixels, channels) = (shape[0], shape[1] * shape[2], shape[3])
        let x = Operand([frames, shape[1], shape[2], 2 * channels], dtype, seed: 1)
        let out = try backend.allocate([2 * frames, shape[1], shape[2], channels], dtype)
        try backend.interleaveFrames(x.tensor(on: backend), into: out)
        let expected = (0..<out.count).map {
            let (c, pixel, frame) = ($0 % channels, $0 / channels % pixels, $0 / channels / pixels)
            return x.doubles[(frame / 2 * pixels + pixel) * 2 * channels + frame % 2 * channels + c]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    static func repeatedUp(
        _ backend: any Backend, _ up: (time: Int, space: Int, inputs: Int, outputs: Int, skip: Int), _ dtype: DType
    ) throws -> OpResult {
        let x = Operand([2, 3, 4, up.inputs], dtype, seed: 1)
        let shape: Shape = [2 * up.time - up.skip, 3 * up.space, 4 * up.space, up.outputs]
        let old = Operand(shape, dtype, seed: 2)
        let out = try old.tensor(on: backend)
        try backend.addRepeatedUp(x.tensor(on: backend), time: up.time, space: up.space, skip: up.skip, into: out)
        let repeats = up.outputs * up.time * up.space * up.space / up.inputs
        let expected = (0..<shape.count).map { index -> Double in
            let (c, pixel) = (index % up.outputs, index / up.outputs)
            let (column, row) = (pixel % shape[2], pixel / shape[2] % shape[1])
            let frame = pixel / (shape[1] * shape[2]) + up.skip
            let phase = (frame % up.time * up.space + row % up.space) * up.space + column % up.space
            let source = (c * up.time * up.space * up.space + phase) / repeats
            let place = (frame / up.time * 3 + row / up.space) * 4 + column / up.space
            return old.doubles[index] + x.doubles[place * up.inputs + source]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    static func pixels(
        _ backend: any Backend, _ patch: Int, _ width: Int, _ dtype: DType
    ) throws -> OpResult {
        let channels = 3 * patch * patch
        let x = Operand([2, 3, width, channels], dtype, scale: 0.8, seed: 1)
        let shape: Shape = [2, 3 * patch, width * patch, 3]
        let out = try backend.allocate(shape, .u8)
        try backend.pixels(x.tensor(on: backend), patch: patch, into: out)
        let expected = (0..<shape.count).map { index -> Double in
            let (c, column, row) = (index % 3, index / 3 % shape[2], index / 3 / shape[2] % shape[1])
            let frame = index / 3 / shape[2] / shape[1]
            let channel = (c * patch + column % patch) * patch + row % patch
            let value = x.values[((frame * 3 + row / patch) * width + column / patch) * channels + channel]
            return Double(((min(max(value, -1), 1) / 2 + 0.5) * 255).rounded(.toNearestOrEven))
        }
        return OpResult(try backend.startDownload(out).bytes().map(Float.init), from: expected)
    }
}
