import VideoTypes

/// Frames evenly spread over a clip, in rows from the left, as one JPEG picture.
package struct ClipSpritesheet: Sendable {
    package let jpeg: [UInt8]
    package let columns: Int
    package let rows: Int
    package let cellWidth: Int
    package let cellHeight: Int
    /// The indices of the frames shown, the first and the last of the clip among them.
    package let frames: [Int]

    package static let maxCells = 25
    /// Of a cell's longer side; a smaller clip is not enlarged.
    package static let side = 192

    package init(ofClip path: String) throws(MediaError) {
        let reader = try MP4Reader(path: path)
        frames = Self.spread(over: reader.announcedFrames)
        let cells = try reader.frames(at: frames, fittedInto: Self.side)
        guard let first = cells.first, cells.count == frames.count,
            cells.allSatisfy({ $0.width == first.width && $0.height == first.height })
        else { throw .notAClip(path: path, reason: "it has fewer frames than it says, or of several sizes") }
        // As square as it gets: 25 cells are 5 by 5, 17 are 5 by 4.
        columns = (1...Self.maxCells).first { $0 * $0 >= cells.count } ?? Self.maxCells
        rows = (cells.count + columns - 1) / columns
        cellWidth = first.width
        cellHeight = first.height
        jpeg = try JPEGEncoder.encode(Self.sheet(of: cells, columns: columns, rows: rows), FFmpeg())
    }

    /// All of them where there are few.
    static func spread(over count: Int) -> [Int] {
        let cells = min(max(count, 1), maxCells)
        guard cells > 1 else { return [0] }
        return (0..<cells).map { $0 * (count - 1) / (cells - 1) }
    }

    /// Cells that remain are black.
    private static func sheet(of cells: [Frame], columns: Int, rows: Int) -> Frame {
        let (width, height) = (cells[0].width, cells[0].height)
        let stride = columns * width * 3
        var pixels = [UInt8](repeating: 0, count: stride * rows * height)
        for (index, cell) in cells.enumerated() {
            let origin = index / columns * height * stride + index % columns * width * 3
            for y in 0..<height {
                let start = origin + y * stride
                pixels.replaceSubrange(
                    start..<start + width * 3, with: cell.pixels[y * width * 3..<(y + 1) * width * 3])
            }
        }
        return Frame(width: columns * width, height: rows * height, pixels: pixels)
    }
}
