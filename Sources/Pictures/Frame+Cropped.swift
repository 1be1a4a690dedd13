package import VideoTypes

extension Frame {
    /// The middle of the picture; black where the picture is smaller.
    package func croppedAroundCentre(width: Int, height: Int) -> Frame {
        // Rounded downwards where negative, as Python divides.
        cropped(left: (self.width - width) >> 1, top: (self.height - height) >> 1, width: width, height: height)
    }

    /// Scaled until it covers a size, then the middle of it: what Diffusers calls the resize mode "crop".
    package func covering(width: Int, height: Int, by filter: ResamplingFilter) -> Frame {
        // Diffusers compares the quotients as floating-point numbers.
        let isWider = Double(width) / Double(height) <= Double(self.width) / Double(self.height)
        let scaled = resized(
            width: isWider ? self.width * height / self.height : width,
            height: isWider ? height : self.height * width / self.width, by: filter)
        return scaled.cropped(
            left: scaled.width / 2 - width / 2, top: scaled.height / 2 - height / 2, width: width, height: height)
    }

    private func cropped(left: Int, top: Int, width: Int, height: Int) -> Frame {
        if left == 0, top == 0, width == self.width, height == self.height { return self }
        let inside = max(0, left)..<max(0, left, min(self.width, left + width))
        var result: [UInt8] = []
        result.reserveCapacity(width * height * 3)
        for y in top..<top + height {
            guard y >= 0, y < self.height, !inside.isEmpty else {
                result += repeatElement(0, count: width * 3)
                continue
            }
            result += repeatElement(0, count: (inside.lowerBound - left) * 3)
            let row = y * self.width
            result += pixels[(row + inside.lowerBound) * 3..<(row + inside.upperBound) * 3]
            result += repeatElement(0, count: (left + width - inside.upperBound) * 3)
        }
        return Frame(width: width, height: height, pixels: result)
    }
}
