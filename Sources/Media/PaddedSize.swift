import VideoTypes

/// A frame's size and the even size that is coded: 4:2:0 has no odd sizes, so the last column or row is repeated.
struct PaddedSize: Equatable {
    let width: Int
    let height: Int

    var codedWidth: Int { width + width % 2 }
    var codedHeight: Int { height + height % 2 }

    func padded(_ frame: Frame) -> [UInt8] {
        guard codedWidth != width || codedHeight != height else { return frame.pixels }
        var pixels: [UInt8] = []
        pixels.reserveCapacity(codedWidth * codedHeight * 3)
        for y in 0..<codedHeight {
            let end = (min(y, height - 1) + 1) * width * 3
            pixels += frame.pixels[end - width * 3..<end]
            if codedWidth != width { pixels += frame.pixels[end - 3..<end] }
        }
        return pixels
    }
}
