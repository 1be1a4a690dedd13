import Glibc
package import VideoTypes

extension Frame {
    /// How near this frame is to a picture, whatever its size: peak signal to noise in decibels.
    package func likeness(to picture: Frame) -> Double {
        let wanted = picture.resized(width: width, height: height, by: .lanczos)
        let sum = zip(pixels, wanted.pixels).reduce(0) { sum, pair in
            let difference = Int(pair.0) - Int(pair.1)
            return sum + difference * difference
        }
        // Pixels that are equal may have been half a level apart.
        let mean = max(Double(sum) / Double(max(pixels.count, 1)), 1.0 / 12)
        return 10 * log10(255 * 255 / mean)
    }
}
