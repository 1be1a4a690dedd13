package import VideoTypes

/// A picture as networks read it: red, green and blue apart, `3 · height · width` numbers.
package struct PicturePlanes: Sendable, Equatable {
    package let width: Int
    package let height: Int
    package let values: [Float]

    /// What Diffusers' VideoProcessor makes of a picture: Lanczos to the clip's size, whatever its shape, then -1 to 1.
    ///
    /// All of Wan and CogVideoX read their pictures so.
    package init(ofClip frame: Frame, width: Int, height: Int) {
        self.init(frame.resized(width: width, height: height, by: .lanczos)) { value, _ in 2 * (value / 255) - 1 }
    }

    /// Each of the 256 values of a channel (0 red, 1 green, 2 blue) as a number.
    init(_ frame: Frame, _ number: (_ value: Float, _ channel: Int) -> Float) {
        width = frame.width
        height = frame.height
        let count = width * height
        var values = [Float](repeating: 0, count: 3 * count)
        var output = values.mutableSpan
        let pixels = frame.pixels.span
        for channel in 0..<3 {
            let numbers = (0...255).map { number(Float($0), channel) }
            let table = numbers.span
            for index in 0..<count {
                output[channel * count + index] = table[Int(pixels[index * 3 + channel])]
            }
        }
        self.values = values
    }
}
