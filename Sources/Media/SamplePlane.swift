/// One plane of a decoded picture, without padding.
struct SamplePlane {
    let width: Int
    let height: Int
    let samples: [UInt8]

    /// How chroma of half a side becomes whole: each sample is mixed of the nearest four, or two, of the small plane.
    enum Smoothing {
        /// libjpeg's "fancy upsampling", whose rounding goes up and down by turns.
        case jpeg
        /// libwebp's, in two halvings.
        case webP
    }

    /// In the size of the luma; `across` and `down` are how many times as many samples that has.
    func enlarged(width: Int, height: Int, across: Int, down: Int, _ smoothing: Smoothing) -> SamplePlane {
        if across == 1, down == 1 { return self }
        // libjpeg repeats the samples of planes too narrow for its filter, and other ratios than two.
        let repeats = smoothing == .jpeg && (across > 2 || down > 2 || (across == 2 && self.width <= 2))
        var result = [UInt8](repeating: 0, count: width * height)
        var output = result.mutableSpan
        let source = samples.span
        for y in 0..<height {
            let near = min(y / down, self.height - 1)
            let far = down == 1 || repeats ? near : min(max(near + (y % 2 == 0 ? -1 : 1), 0), self.height - 1)
            let nearRow = source.extracting(near * self.width..<(near + 1) * self.width)
            let farRow = source.extracting(far * self.width..<(far + 1) * self.width)
            for x in 0..<width {
                let column = min(x / across, self.width - 1)
                let beside =
                    across == 1 || repeats ? column : min(max(column + (x % 2 == 0 ? -1 : 1), 0), self.width - 1)
                let (a, b) = (Int(nearRow[column]), Int(nearRow[beside]))
                let (c, d) = (Int(farRow[column]), Int(farRow[beside]))
                let mixed: Int
                switch smoothing {
                case .webP: mixed = ((a + b + c + d + 8 + 2 * (b + c)) >> 3 + a) >> 1
                case .jpeg where repeats: mixed = a
                case .jpeg where down == 1: mixed = (3 * a + b + 1 + x % 2) >> 2
                case .jpeg where across == 1: mixed = (3 * a + c + 1 + y % 2) >> 2
                case .jpeg: mixed = (3 * (3 * a + c) + 3 * b + d + 8 - x % 2) >> 4
                }
                output[y * width + x] = UInt8(truncatingIfNeeded: mixed)
            }
        }
        return SamplePlane(width: width, height: height, samples: result)
    }
}
