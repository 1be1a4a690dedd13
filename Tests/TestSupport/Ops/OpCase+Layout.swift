import Compute
import Glibc

extension OpCase {
    /// Gathers, patches and the rearrangements of the VAEs.
    package static var layout: [OpCase] {
        var cases: [OpCase] = []
        for dtype in [DType.f32, .bf16] {
            let bound = errorBound(dtype)
            for stored in [DType.f32, .bf16, .f16] {
                cases.append(OpCase("embedding \(stored) to \(dtype)", bound) { try embedding($0, stored, dtype) })
            }
            for (patch, width) in [
                (PatchSize(time: 1, height: 2, width: 2), 20), (PatchSize(time: 2, height: 1, width: 3), 24),
            ] {
                cases.append(OpCase("patchify \(patch) \(dtype)", bound) { try patchify($0, patch, width, dtype) })
                cases.append(OpCase("unpatchify \(patch) \(dtype)", bound) { try unpatchify($0, patch, dtype) })
            }
            cases.append(OpCase("channels last \(dtype)", bound) { try channelsLast($0, dtype) })
            cases.append(OpCase("upsample \(dtype)", bound) { try upsample($0, dtype) })
            cases.append(OpCase("interleave frames \(dtype)", bound) { try interleave($0, dtype) })
            for (time, space, inputs, outputs, skip) in [
                (2, 2, 16, 8, 1), (1, 2, 12, 6, 0), (2, 2, 8, 8, 0), (2, 1, 4, 2, 1),
            ] {
                cases.append(
                    OpCase("repeated up \(time) × \(space), \(inputs) to \(outputs), skip \(skip), \(dtype)", bound) {
                        try repeatedUp($0, (time, space, inputs, outputs, skip), dtype)
                    })
            }
            for patch in [1, 2] {
                cases.append(OpCase("pixels \(patch) \(dtype)", 1e-9) { try pixels($0, patch, dtype) })
            }
        }
        return cases
    }

    private static func embedding(_ backend: any Backend, _ stored: DType, _ outType: DType) throws -> OpResult {
        let table = Operand([11, 37], stored, seed: 1)
        let ids: [Int32] = [3, 0, 10, 3]
        let out = try backend.allocate([4, 37], outType)
        try backend.embedding(ids, backend.resident(table.stored), into: out)
        return OpResult(
            try backend.download(out), from: ids.flatMap { table.doubles[Int($0) * 37..<Int($0) * 37 + 37] })
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

    private static func patchify(
        _ backend: any Backend, _ patch: PatchSize, _ width: Int, _ outType: DType
    ) throws -> OpResult {
        let x = Operand([4, 2, 4, 6], seed: 1)
        let tokens = x.shape.count / 4 / patch.volume
        let out = try backend.allocate([tokens, width], outType)
        try backend.zero(out)
        try backend.patchify(x.tensor(on: backend), patch: patch, into: out)
        var expected = [Double](repeating: 0, count: tokens * width)
        forEachPatchElement(x.shape, patch) { token, inside, channel, index in
            expected[token * width + channel * patch.volume + inside] = x.doubles[index]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    private static func unpatchify(_ backend: any Backend, _ patch: PatchSize, _ dtype: DType) throws -> OpResult {
        let latents: Shape = [4, 2, 4, 6]
        let x = Operand([latents.count / 4 / patch.volume, 4 * patch.volume], dtype, seed: 1)
        let out = try backend.allocate(latents, .f32)
        try backend.unpatchify(x.tensor(on: backend), patch: patch, into: out)
        var expected = [Double](repeating: 0, count: latents.count)
        forEachPatchElement(latents, patch) { token, inside, channel, index in
            expected[index] = x.doubles[(token * patch.volume + inside) * 4 + channel]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    private static func channelsLast(_ backend: any Backend, _ outType: DType) throws -> OpResult {
        let x = Operand([5, 3, 4, 7], seed: 1)
        let (gain, offset) = (Operand([5], seed: 2), Operand([5], seed: 3))
        let out = try backend.allocate([1, 4, 7, 5], outType)
        try backend.channelsLast(
            x.tensor(on: backend), frame: 1, gain: gain.tensor(on: backend), offset: offset.tensor(on: backend),
            into: out)
        let expected = (0..<140).map { index -> Double in
            let (c, pixel) = (index % 5, index / 5)
            return x.doubles[(c * 3 + 1) * 28 + pixel] * gain.doubles[c] + offset.doubles[c]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    private static func upsample(_ backend: any Backend, _ dtype: DType) throws -> OpResult {
        let x = Operand([2, 3, 5, 9], dtype, seed: 1)
        let out = try backend.allocate([2, 6, 10, 9], dtype)
        try backend.upsample2x(x.tensor(on: backend), into: out)
        let expected = (0..<out.count).map {
            let (c, column, row, frame) = ($0 % 9, $0 / 9 % 10, $0 / 90 % 6, $0 / 540)
            return x.doubles[((frame * 3 + row / 2) * 5 + column / 2) * 9 + c]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    private static func interleave(_ backend: any Backend, _ dtype: DType) throws -> OpResult {
        let x = Operand([3, 2, 5, 14], dtype, seed: 1)
        let out = try backend.allocate([6, 2, 5, 7], dtype)
        try backend.interleaveFrames(x.tensor(on: backend), into: out)
        let expected = (0..<out.count).map {
            let (c, pixel, frame) = ($0 % 7, $0 / 7 % 10, $0 / 70)
            return x.doubles[(frame / 2 * 10 + pixel) * 14 + frame % 2 * 7 + c]
        }
        return OpResult(try backend.download(out), from: expected)
    }

    private static func repeatedUp(
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

    private static func pixels(_ backend: any Backend, _ patch: Int, _ dtype: DType) throws -> OpResult {
        let channels = 3 * patch * patch
        let x = Operand([2, 3, 5, channels], dtype, scale: 0.8, seed: 1)
        let shape: Shape = [2, 3 * patch, 5 * patch, 3]
        let out = try backend.allocate(shape, .u8)
        try backend.pixels(x.tensor(on: backend), patch: patch, into: out)
        let expected = (0..<shape.count).map { index -> Double in
            let (c, column, row) = (index % 3, index / 3 % shape[2], index / 3 / shape[2] % shape[1])
            let frame = index / 3 / shape[2] / shape[1]
            let channel = (c * patch + column % patch) * patch + row % patch
            let value = x.values[((frame * 3 + row / patch) * 5 + column / patch) * channels + channel]
            return Double(((min(max(value, -1), 1) / 2 + 0.5) * 255).rounded(.toNearestOrEven))
        }
        return OpResult(try backend.startDownload(out).bytes().map(Float.init), from: expected)
    }
}
