package import VideoTypes

/// What transformers' CLIPImageProcessor makes of a picture, in its own words and with its own defaults.
package struct CLIPPreprocessing: Sendable, Equatable {
    /// Of the shorter side after resizing.
    package var shortestEdge = 224
    package var cropWidth = 224
    package var cropHeight = 224
    package var filter = ResamplingFilter.bicubic
    package var rescaleFactor = 1.0 / 255
    /// Of red, green and blue.
    package var mean: [Float] = [0.48145466, 0.4578275, 0.40821073]
    package var deviation: [Float] = [0.26862954, 0.26130258, 0.27577711]

    package init() {}

    package func planes(of frame: Frame) -> PicturePlanes {
        let size = resizedSize(width: frame.width, height: frame.height)
        let cropped = frame.resized(width: size.width, height: size.height, by: filter)
            .croppedAroundCentre(width: cropWidth, height: cropHeight)
        return PicturePlanes(cropped) { value, channel in
            (Float(Double(value) * rescaleFactor) - mean[channel]) / deviation[channel]
        }
    }

    private func resizedSize(width: Int, height: Int) -> (width: Int, height: Int) {
        // A quotient of whole numbers as a floating-point number, cut off: as Python does it.
        let longestEdge = Int(Double(shortestEdge * max(width, height)) / Double(min(width, height)))
        return width <= height ? (shortestEdge, longestEdge) : (longestEdge, shortestEdge)
    }
}
