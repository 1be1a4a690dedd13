package import VideoTypes

extension Frame {
    /// Equal to Pillow's `resize` of an RGB picture, to the bit: one axis after the other, 8 bits between.
    package func resized(width: Int, height: Int, by filter: ResamplingFilter) -> Frame {
        // Pillow 13 begins with the columns where that takes away more; older ones always begin with the rows.
        let shorter = self.height - height
        return shorter > 0 && shorter > 2 * (self.width - width)
            ? withColumns(height, filter).withRows(width, filter)
            : withRows(width, filter).withColumns(height, filter)
    }

    private static let half: Int32 = 1 << Int32(ResamplingWeights.precision - 1)

    private static func pixel(_ sum: Int32) -> UInt8 {
        UInt8(truncatingIfNeeded: min(max(sum >> Int32(ResamplingWeights.precision), 0), 255))
    }

    /// Every row in another length.
    private func withRows(_ target: Int, _ filter: ResamplingFilter) -> Frame {
        if target == width { return self }
        let table = ResamplingWeights(from: width, to: target, filter)
        var result = [UInt8](repeating: 0, count: target * height * 3)
        var output = result.mutableSpan
        let source = pixels.span
        let weights = table.weights.span
        let places = table.places.span
        var next = 0
        for y in 0..<height {
            let row = source.extracting(y * width * 3..<(y + 1) * width * 3)
            for index in places.indices {
                let place = places[index]
                var (red, green, blue) = (Self.half, Self.half, Self.half)
                var at = place.first * 3
                for weight in place.weights {
                    let factor = weights[weight]
                    red &+= factor &* Int32(row[at])
                    green &+= factor &* Int32(row[at + 1])
                    blue &+= factor &* Int32(row[at + 2])
                    at += 3
                }
                output[next] = Self.pixel(red)
                output[next + 1] = Self.pixel(green)
                output[next + 2] = Self.pixel(blue)
                next += 3
            }
        }
        return Frame(width: target, height: height, pixels: result)
    }

    /// Every column in another length.
    private func withColumns(_ target: Int, _ filter: ResamplingFilter) -> Frame {
        if target == height { return self }
        let table = ResamplingWeights(from: height, to: target, filter)
        let stride = width * 3
        var result = [UInt8](repeating: 0, count: target * stride)
        var output = result.mutableSpan
        var sums = [Int32](repeating: 0, count: stride)
        var sum = sums.mutableSpan
        let source = pixels.span
        for (y, place) in table.places.enumerated() {
            for x in 0..<stride { sum[x] = Self.half }
            for (index, factor) in table.weights[place.weights].enumerated() {
                let start = (place.first + index) * stride
                let row = source.extracting(start..<start + stride)
                for x in 0..<stride { sum[x] &+= factor &* Int32(row[x]) }
            }
            for x in 0..<stride { output[y * stride + x] = Self.pixel(sum[x]) }
        }
        return Frame(width: width, height: target, pixels: result)
    }
}
