import Compute
import VideoTypes

/// Decodes a clip in overlapping spatial tiles, which bounds the decoder's memory, and blends their borders.
///
/// The result is that of Diffusers' tiled decoding. Of a tile's frames only the borders that its neighbours blend with
/// are kept.
struct TiledDecoder {
    let decoder: any LatentDecoder
    let backend: any Backend
    /// Looks at what was decoded of a tile's chunk.
    let check: (_ x: Tensor, _ tile: Tensor, _ chunk: Int) throws -> Void

    /// Part of one decoded frame: `[height, width, channels]`.
    private struct Patch {
        var height: Int
        var width: Int
        let channels: Int
        var values: [Float]

        func cropped(rows: Range<Int>, columns: Range<Int>) -> Patch {
            var part: [Float] = []
            part.reserveCapacity(rows.count * columns.count * channels)
            for row in rows {
                let start = (row * width + columns.lowerBound) * channels
                part += values[start..<start + columns.count * channels]
            }
            return Patch(height: rows.count, width: columns.count, channels: channels, values: part)
        }
    }

    /// Where a part of a frame belongs.
    struct Place {
        let frame: Int
        let row: Int
        let column: Int
    }

    /// - Parameter place: receives f32 `[1, height, width, out_channels]` and where it belongs, in decoded positions.
    ///   The parts of one frame cover it without overlap.
    func run(_ latents: Tensor, progress: ProgressReporter, place: (Tensor, _ at: Place) throws -> Void) throws {
        let tiling = decoder.geometry.tiling
        let rows = tiling.rows.ranges(latents.shape[2])
        let columns = tiling.columns.ranges(latents.shape[3])
        let values = try backend.download(latents)
        try progress.begin(.decode, total: rows.count * columns.count * decoder.chunks(latents.shape).count)
        var above: [[Patch]] = []  // of each column, the last rows of each frame
        for (rowNumber, row) in rows.enumerated() {
            var below: [[Patch]] = []
            var left: [Patch] = []
            for (number, column) in columns.enumerated() {
                var frames = try decode(crop(values, latents.shape, row, column), progress)
                for index in frames.indices {
                    if rowNumber > 0 { blendRows(above[number][index], tiling.rows.blend, into: &frames[index]) }
                    if number > 0 { blendColumns(left[index], tiling.columns.blend, into: &frames[index]) }
                    let own = frames[index].cropped(
                        rows: 0..<min(frames[index].height, tiling.rows.kept),
                        columns: 0..<min(frames[index].width, tiling.columns.kept))
                    try place(
                        backend.upload(own.values, [1, own.height, own.width, own.channels]),
                        Place(frame: index, row: rowNumber * tiling.rows.kept, column: number * tiling.columns.kept))
                }
                below.append(
                    frames.map {
                        $0.cropped(rows: max(0, $0.height - tiling.rows.blend)..<$0.height, columns: 0..<$0.width)
                    })
                left = frames.map {
                    $0.cropped(rows: 0..<$0.height, columns: max(0, $0.width - tiling.columns.blend)..<$0.width)
                }
            }
            above = below
        }
    }

    private func decode(_ latents: Tensor, _ progress: ProgressReporter) throws -> [Patch] {
        decoder.reset()
        var frames: [Patch] = []
        for (index, chunk) in decoder.chunks(latents.shape).enumerated() {
            try decoder.decode(latents, chunk: chunk, probe: nil) { x in
                try check(x, latents, index)
                frames.append(
                    Patch(height: x.shape[1], width: x.shape[2], channels: x.shape[3], values: try backend.download(x)))
            }
            try progress.advance()
        }
        return frames
    }

    private func crop(
        _ values: [Float], _ shape: Shape, _ rows: Range<Int>, _ columns: Range<Int>
    ) throws(ComputeError) -> Tensor {
        var part: [Float] = []
        for plane in 0..<shape[0] * shape[1] {
            for y in rows {
                let start = (plane * shape[2] + y) * shape[3]
                part += values[start + columns.lowerBound..<start + columns.upperBound]
            }
        }
        return try backend.upload(part, [shape[0], shape[1], rows.count, columns.count])
    }

    /// Linear ramp from the last rows of the tile above to the first of this one.
    private func blendRows(_ above: Patch, _ blend: Int, into frame: inout Patch) {
        let extent = min(above.height, frame.height, blend)
        let length = frame.width * frame.channels
        for y in 0..<extent {
            let weight = Float(y) / Float(extent)
            let source = (above.height - extent + y) * length
            for x in 0..<length {
                frame.values[y * length + x] =
                    above.values[source + x] * (1 - weight) + frame.values[y * length + x] * weight
            }
        }
    }

    private func blendColumns(_ left: Patch, _ blend: Int, into frame: inout Patch) {
        let extent = min(left.width, frame.width, blend)
        for y in 0..<frame.height {
            for x in 0..<extent {
                let weight = Float(x) / Float(extent)
                let source = (y * left.width + left.width - extent + x) * frame.channels
                let target = (y * frame.width + x) * frame.channels
                for channel in 0..<frame.channels {
                    frame.values[target + channel] =
                        left.values[source + channel] * (1 - weight) + frame.values[target + channel] * weight
                }
            }
        }
    }
}
