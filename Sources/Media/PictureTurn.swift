import VideoTypes

/// How a camera was held (Exif 2.32, tag 0x0112): 1 is upright, 2 to 8 are mirrored or turned.
struct PictureTurn: Equatable {
    let orientation: Int

    private static let tag = 0x0112
    /// Bytes of a value by its TIFF type: a byte, a short, a long.
    private static let widths = [1: 1, 3: 2, 4: 4]

    /// Of a block of Exif, with or without its first word; what cannot be read is upright.
    init(exif: ArraySlice<UInt8>?) {
        orientation = exif.flatMap(Self.orientation) ?? 1
    }

    private static func orientation(_ block: ArraySlice<UInt8>) -> Int? {
        let word = Array("Exif\0\0".utf8)
        let file = ByteView(block.starts(with: word) ? block.dropFirst(word.count) : block)
        let isLittle = file.starts(with: [0x49, 0x49, 0x2A, 0x00])
        guard isLittle || file.starts(with: [0x4D, 0x4D, 0x00, 0x2A]) else { return nil }
        func number(_ offset: Int, _ count: Int) -> Int? {
            isLittle ? file.littleEndian(offset, count) : file.bigEndian(offset, count)
        }
        guard let directory = number(4, 4), let entries = number(directory, 2) else { return nil }
        for index in 0..<entries {
            let entry = directory + 2 + index * 12
            guard let tag = number(entry, 2) else { return nil }
            guard tag == Self.tag, let type = number(entry + 2, 2), let width = widths[type],
                let value = number(entry + 8, width), (1...8).contains(value)
            else { continue }
            return value
        }
        return nil
    }

    func applied(to frame: Frame) -> Frame {
        guard orientation > 1 else { return frame }
        let (width, height) = (frame.width, frame.height)
        let isTurned = orientation >= 5
        let isFromRight = [2, 3, 7, 8].contains(orientation)
        let isFromBelow = [3, 4, 6, 7].contains(orientation)
        let (newWidth, newHeight) = isTurned ? (height, width) : (width, height)
        var pixels = [UInt8](repeating: 0, count: frame.pixels.count)
        var output = pixels.mutableSpan
        let source = frame.pixels.span
        for y in 0..<newHeight {
            for x in 0..<newWidth {
                let (column, row) = isTurned ? (y, x) : (x, y)
                let from = (isFromBelow ? height - 1 - row : row) * width + (isFromRight ? width - 1 - column : column)
                let to = y * newWidth + x
                for channel in 0..<3 { output[to * 3 + channel] = source[from * 3 + channel] }
            }
        }
        return Frame(width: newWidth, height: newHeight, pixels: pixels)
    }
}
