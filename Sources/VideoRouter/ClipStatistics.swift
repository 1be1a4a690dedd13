import VideoTypes

/// Measures frames as they come; keeps one of them.
struct ClipStatistics {
    private var measures = ClipMeasures()
    private var histogram = [Int](repeating: 0, count: 256)
    private var previous: Frame?
    private var previousMean = 0.0
    private var lastChange = 0.0
    private var flickers: [Double] = []
    private var motions: [Double] = []
    private var sharpnesses: [Double] = []
    private var flatFrames = 0

    mutating func add(_ frame: Frame) {
        measures.frames += 1
        measures.width = frame.width
        measures.height = frame.height
        guard !frame.pixels.isEmpty else { return }
        let luma = Self.luma(frame)
        var sum = 0
        for value in luma {
            histogram[Int(value)] += 1
            sum += Int(value)
        }
        if Self.isFlat(frame) { flatFrames += 1 }
        let mean = Double(sum) / Double(luma.count)
        if let previous, previous.width == frame.width, previous.height == frame.height {
            compare(frame.pixels, previous.pixels, change: mean - previousMean)
        }
        sharpnesses.append(Self.sharpness(luma, width: frame.width, height: frame.height))
        previous = frame
        previousMean = mean
    }

    private mutating func compare(_ pixels: [UInt8], _ before: [UInt8], change: Double) {
        var total = 0
        var largest = 0
        for index in pixels.indices {
            let step = abs(Int(pixels[index]) - Int(before[index]))
            total += step
            largest = max(largest, step)
        }
        let motion = Double(total) / Double(pixels.count)
        motions.append(motion)
        measures.largestStep = max(measures.largestStep, Double(largest))
        if motion > QualityGate.cutMotion { measures.cuts += 1 }
        // Only what turns round counts: a fade goes one way.
        flickers.append(change * lastChange < 0 ? min(abs(change), abs(lastChange)) : 0)
        lastChange = change
    }

    /// Whether every pixel is the first one, nearly.
    private static func isFlat(_ frame: Frame) -> Bool {
        let pixels = frame.pixels
        for index in pixels.indices where abs(Int(pixels[index]) - Int(pixels[index % 3])) > QualityGate.flatRange {
            return false
        }
        return true
    }

    func finished(durationSeconds: Double) -> ClipMeasures {
        var result = measures
        result.durationSeconds = durationSeconds
        let count = histogram.reduce(0, +)
        guard count > 0 else { return result }
        let sum = histogram.enumerated().reduce(0.0) { $0 + Double($1.offset) * Double($1.element) }
        result.meanLuma = sum / Double(count)
        result.darkest = Double(Self.level(histogram, count / 1000))
        result.brightest = Double(Self.level(histogram, count - 1 - count / 1000))
        result.flatShare = Double(flatFrames) / Double(max(measures.frames, 1))
        result.meanMotion = motions.reduce(0, +) / Double(max(motions.count, 1))
        result.largestMotion = motions.max() ?? 0
        result.flicker = flickers.reduce(0, +) / Double(max(flickers.count, 1))
        result.sharpness = sharpnesses.sorted()[sharpnesses.count / 2]
        return result
    }

    /// The value of the pixel of this number, counted from the darkest.
    private static func level(_ histogram: [Int], _ number: Int) -> Int {
        var below = 0
        for (value, count) in histogram.enumerated() {
            below += count
            if below > number { return value }
        }
        return histogram.count - 1
    }

    /// BT.709, in 256ths.
    private static func luma(_ frame: Frame) -> [UInt8] {
        var luma = [UInt8](repeating: 0, count: frame.width * frame.height)
        let pixels = frame.pixels
        for index in luma.indices {
            let place = index * 3
            let sum = 54 * Int(pixels[place]) + 183 * Int(pixels[place + 1]) + 19 * Int(pixels[place + 2])
            luma[index] = UInt8(sum >> 8)
        }
        return luma
    }

    /// The variance of the Laplacian.
    private static func sharpness(_ luma: [UInt8], width: Int, height: Int) -> Double {
        guard width > 2, height > 2 else { return 0 }
        var sum = 0
        var squares = 0
        for y in 1..<height - 1 {
            for x in 1..<width - 1 {
                let place = y * width + x
                let around =
                    Int(luma[place - 1]) + Int(luma[place + 1]) + Int(luma[place - width]) + Int(luma[place + width])
                let value = around - 4 * Int(luma[place])
                sum += value
                squares += value * value
            }
        }
        let count = Double((width - 2) * (height - 2))
        let mean = Double(sum) / count
        return Double(squares) / count - mean * mean
    }
}
