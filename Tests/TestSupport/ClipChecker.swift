package import VideoTypes

/// Says by plain arithmetic on its pixels which colour, shape and motion a clip shows.
///
/// The same steps as `checker.py` of the built-in model's training, which its README writes out.
package struct ClipChecker {
    /// What a clip shows; "none" where nothing stands out.
    package struct Verdict: Equatable {
        package let colour: String
        package let shape: String
        package let motion: String

        package init(colour: String = "none", shape: String = "none", motion: String = "none") {
            (self.colour, self.shape, self.motion) = (colour, shape, motion)
        }
    }

    /// Facts about the object in one frame.
    private struct Trace {
        var x = 0.0
        var y = 0.0
        var area = 0.0
        /// Part of its bounding box that it fills; nil where the box is empty.
        var fill: Double?
        /// Filled part of the lowest quarter of the box.
        var low = 0.0
        var hasHole = false
    }

    private let colours: [String: [Double]]

    package init(colours: [String: [Double]]) {
        self.colours = colours
    }

    /// The colours that the built-in model knows.
    package static let vocabulary: [String: [Double]] = [
        "red": [222, 36, 36], "green": [34, 172, 64], "blue": [40, 84, 226], "yellow": [250, 222, 44],
        "white": [244, 244, 244], "orange": [250, 138, 22], "purple": [140, 50, 194], "pink": [250, 128, 190],
    ]

    package func check(_ clip: [Frame]) -> Verdict {
        guard let first = clip.first else { return Verdict() }
        let (width, height) = (first.width, first.height)
        let background = self.background(clip)
        let distances = clip.map { self.distances($0, background) }
        let sorted = distances.flatMap { $0 }.sorted()
        let contrast = sorted[sorted.count * 98 / 100]
        guard contrast >= 40 else { return Verdict() }
        let traces = distances.compactMap { trace($0.map { $0 > 0.5 * contrast }, width, height) }
        let fills = traces.compactMap(\.fill)
        guard traces.count >= max(4, clip.count / 2), !fills.isEmpty else { return Verdict() }
        return Verdict(
            colour: colour(clip, distances, above: 0.8 * contrast), shape: shape(traces, fills),
            motion: motion(traces, width, height))
    }

    /// Median of a two pixel wide border, over all frames.
    private func background(_ clip: [Frame]) -> [Double] {
        (0..<3).map { channel in
            var values: [Double] = []
            for frame in clip {
                for y in 0..<frame.height {
                    for x in 0..<frame.width
                    where y < 2 || y >= frame.height - 2 || x < 2 || x >= frame.width - 2 {
                        values.append(Double(frame.pixels[(y * frame.width + x) * 3 + channel]))
                    }
                }
            }
            return Self.median(values)
        }
    }

    private func distances(_ frame: Frame, _ background: [Double]) -> [Double] {
        (0..<frame.width * frame.height).map { pixel in
            var sum = 0.0
            for channel in 0..<3 {
                let d = Double(frame.pixels[pixel * 3 + channel]) - background[channel]
                sum += d * d
            }
            return sum.squareRoot()
        }
    }

    private func trace(_ mask: [Bool], _ width: Int, _ height: Int) -> Trace? {
        var rows = [Int](repeating: 0, count: height)
        var columns = [Int](repeating: 0, count: width)
        for y in 0..<height {
            for x in 0..<width where mask[y * width + x] {
                rows[y] += 1
                columns[x] += 1
            }
        }
        let area = rows.reduce(0, +)
        guard Double(area) >= 0.004 * Double(width * height) else { return nil }
        var trace = Trace()
        trace.area = Double(area)
        trace.x = Double(columns.enumerated().reduce(0) { $0 + $1.offset * $1.element }) / trace.area
        trace.y = Double(rows.enumerated().reduce(0) { $0 + $1.offset * $1.element }) / trace.area
        guard let top = rows.firstIndex(where: { $0 >= 2 }), let bottom = rows.lastIndex(where: { $0 >= 2 }),
            let left = columns.firstIndex(where: { $0 >= 2 }), let right = columns.lastIndex(where: { $0 >= 2 })
        else { return trace }
        func part(_ ys: Range<Int>, _ xs: Range<Int>) -> Double {
            let ys = ys.clamped(to: 0..<height)
            let xs = xs.clamped(to: 0..<width)
            let filled = ys.reduce(0) { sum, y in sum + xs.reduce(0) { $0 + (mask[y * width + $1] ? 1 : 0) } }
            return Double(filled) / Double(max(1, ys.count * xs.count))
        }
        trace.fill = trace.area / Double((bottom - top + 1) * (right - left + 1))
        trace.low = part(bottom + 1 - max(1, (bottom - top + 1) / 4)..<bottom + 1, left..<right + 1)
        let (y, x) = ((top + bottom) / 2, (left + right) / 2)
        trace.hasHole = part(y - 1..<y + 3, x - 1..<x + 3) < 0.5
        return trace
    }

    private func colour(_ clip: [Frame], _ distances: [[Double]], above threshold: Double) -> String {
        let object = (0..<3).map { channel in
            Self.median(
                zip(clip, distances).flatMap { frame, distances in
                    distances.indices.filter { distances[$0] > threshold }
                        .map { Double(frame.pixels[$0 * 3 + channel]) }
                })
        }
        func distance(_ colour: [Double]) -> Double {
            zip(colour, object).reduce(0) { $0 + ($1.0 - $1.1) * ($1.0 - $1.1) }
        }
        return colours.min { distance($0.value) < distance($1.value) }?.key ?? "none"
    }

    private func shape(_ traces: [Trace], _ fills: [Double]) -> String {
        let boxed = traces.filter { $0.fill != nil }
        let fill = Self.median(fills)
        if Double(boxed.count { $0.hasHole }) > 0.5 * Double(boxed.count) { return "ring" }
        if fill > 0.885 { return "square" }
        if fill > 0.66 { return "circle" }
        return Self.median(boxed.map(\.low)) > 0.6 ? "triangle" : "star"
    }

    private func motion(_ traces: [Trace], _ width: Int, _ height: Int) -> String {
        func change(_ value: (Trace) -> Double) -> (first: Double, last: Double) {
            (traces.prefix(3).map(value).reduce(0, +) / 3, traces.suffix(3).map(value).reduce(0, +) / 3)
        }
        let (x, y, area) = (change { $0.x }, change { $0.y }, change { $0.area })
        let dx = (x.last - x.first) / Double(width)
        let dy = (y.last - y.first) / Double(height)
        let (across, along) = (dx > 0 ? "right" : "left", dy > 0 ? "down" : "up")
        let (big, little) = (max(abs(dx), abs(dy)), min(abs(dx), abs(dy)))
        if big < 0.12 {
            let ratio = area.last / area.first
            return ratio > 2 ? "grow" : ratio < 0.5 ? "shrink" : "still"
        }
        if little > 0.4 * big { return "\(along) \(across)" }
        return abs(dx) > abs(dy) ? across : along
    }

    /// As numpy: the mean of the two middle values of an even number.
    private static func median(_ values: [Double]) -> Double {
        guard !values.isEmpty else { return 0 }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }
}
