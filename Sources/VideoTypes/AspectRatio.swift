/// Width to height: 16:9.
public struct AspectRatio: Sendable, Hashable, Codable {
    public let width: Int
    public let height: Int

    public static let landscape = AspectRatio(width: 16, height: 9)
    public static let portrait = AspectRatio(width: 9, height: 16)
    public static let square = AspectRatio(width: 1, height: 1)

    public init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    public var value: Double { Double(width) / Double(height) }
}

extension AspectRatio: LosslessStringConvertible {
    /// As people write it: "16:9".
    public var description: String { "\(width):\(height)" }

    /// Reads "16:9"; nil for what is none, or flatter than 8 to 1.
    public init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let width = parts[0], let height = parts[1], (1...1000).contains(width),
            (1...1000).contains(height), width <= 8 * height, height <= 8 * width
        else { return nil }
        self.init(width: width, height: height)
    }
}
