import VideoTypes

/// Three planes of one size as a frame.
enum ColourMixing {
    static func frame(_ planes: [SamplePlane], _ model: ColourModel) -> Frame {
        let (width, height) = (planes[0].width, planes[0].height)
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        var output = pixels.mutableSpan
        let (reds, greens, blues) = (planes[0].samples, planes[1].samples, planes[2].samples)
        let first = reds.span
        let second = greens.span
        let third = blues.span
        for index in 0..<width * height {
            let samples = (Int32(first[index]), Int32(second[index]), Int32(third[index]))
            let colour =
                switch model {
                case .ycc: jpeg(samples.0, samples.1 - 128, samples.2 - 128)
                case .webP: webP(samples.0, samples.1, samples.2)
                case .direct, .rgb: samples
                }
            output[index * 3] = UInt8(truncatingIfNeeded: min(max(colour.0, 0), 255))
            output[index * 3 + 1] = UInt8(truncatingIfNeeded: min(max(colour.1, 0), 255))
            output[index * 3 + 2] = UInt8(truncatingIfNeeded: min(max(colour.2, 0), 255))
        }
        return Frame(width: width, height: height, pixels: pixels)
    }

    /// libjpeg's fixed point of 16 bits: 1.402, 1.772, 0.34414 and 0.71414.
    private static func jpeg(_ y: Int32, _ cb: Int32, _ cr: Int32) -> (Int32, Int32, Int32) {
        let half: Int32 = 1 << 15
        return (
            y + (91_881 * cr + half) >> 16, y + (half - 22_554 * cb - 46_802 * cr) >> 16,
            y + (116_130 * cb + half) >> 16
        )
    }

    /// libwebp's fixed point: each product loses 8 bits at once, the sum 6 more.
    private static func webP(_ y: Int32, _ u: Int32, _ v: Int32) -> (Int32, Int32, Int32) {
        let luma = (y * 19_077) >> 8
        return (
            (luma + (v * 26_149) >> 8 - 14_234) >> 6,
            (luma - (u * 6_419) >> 8 - (v * 13_320) >> 8 + 8_708) >> 6,
            (luma + (u * 33_050) >> 8 - 17_685) >> 6
        )
    }
}
