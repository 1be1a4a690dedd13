/// One picture: RGB, 8 bits, rows from the top, no padding.
public struct Frame: Sendable, Hashable {
    public let width: Int
    public let height: Int
    /// `height · width · 3` bytes.
    public let pixels: [UInt8]

    public init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(pixels.count == width * height * 3, "\(pixels.count) bytes for \(width) x \(height)")
        self.width = width
        self.height = height
        self.pixels = pixels
    }
}
