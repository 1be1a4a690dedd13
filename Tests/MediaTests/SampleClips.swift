import Foundation
import VideoTypes

@testable import Media

/// Drawn frames with known contents.
enum SampleClips {
    static func flat(_ red: UInt8, _ green: UInt8, _ blue: UInt8, width: Int = 64, height: Int = 64) -> Frame {
        let pixels = (0..<width * height).flatMap { _ in [red, green, blue] }
        return Frame(width: width, height: height, pixels: pixels)
    }

    /// A coloured disc with soft edges on a gradient, `index` frames along its way.
    static func disc(_ index: Int, width: Int = 64, height: Int = 64) -> Frame {
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        let centre = (x: Double(10 + index * 2), y: Double(height) / 2)
        for y in 0..<height {
            for x in 0..<width {
                let dx = Double(x) - centre.x
                let dy = Double(y) - centre.y
                let inside = min(max(10 - (dx * dx + dy * dy).squareRoot(), 0), 3) / 3
                let background = Double(40 + y * 100 / height)
                for colour in [220.0, 60, 30] {
                    pixels.append(UInt8(background + (colour - background) * inside))
                }
            }
        }
        return Frame(width: width, height: height, pixels: pixels)
    }

    /// Nothing compresses it.
    static func noise(seed: Int, width: Int = 128, height: Int = 128) -> Frame {
        var state = UInt32(truncatingIfNeeded: seed &* 7919 &+ 1)
        let pixels = (0..<width * height * 3).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return UInt8(state >> 24)
        }
        return Frame(width: width, height: height, pixels: pixels)
    }

    static func write(_ frames: [Frame], to path: String, framesPerSecond: Int = 16) throws {
        guard let first = frames.first else { return }
        let writer = try MP4Writer(
            path: path, width: first.width, height: first.height, framesPerSecond: framesPerSecond)
        for frame in frames {
            try writer.append(frame)
        }
        _ = try writer.finish()
    }

    static func read(_ path: String) throws -> [Frame] {
        var frames: [Frame] = []
        try MP4Reader(path: path).forEachFrame { frames.append($0) }
        return frames
    }

    /// Of two frames of one size, in dB.
    static func peakSignalToNoise(_ a: Frame, _ b: Frame) -> Double {
        let total = zip(a.pixels, b.pixels).reduce(0.0) { sum, pair in
            let difference = Double(pair.0) - Double(pair.1)
            return sum + difference * difference
        }
        return 10 * log10(255 * 255 * Double(a.pixels.count) / max(total, 1))
    }
}
