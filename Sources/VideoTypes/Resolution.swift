/// The shorter side of a picture in pixels: 480, 720, 1080.
///
/// The aspect ratio makes a size of it.
public struct Resolution: Sendable, Hashable, Codable {
    public let shorterSide: Int

    public static let p480 = Resolution(shorterSide: 480)
    public static let p720 = Resolution(shorterSide: 720)
    public static let p1080 = Resolution(shorterSide: 1080)

    public init(shorterSide: Int) {
        self.shorterSide = shorterSide
    }
}

extension Resolution: LosslessStringConvertible {
    /// As people write it: "720p".
    public var description: String { "\(shorterSide)p" }

    /// Reads "480p", "720p", "1080p" and "2k", "4k"; nil for what is none.
    public init?(_ text: String) {
        let name = text.lowercased()
        let sides = ["2k": 1440, "4k": 2160]
        if let side = sides[name] {
            self.init(shorterSide: side)
        } else if name.hasSuffix("p"), let side = Int(name.dropLast()), (16...8192).contains(side) {
            self.init(shorterSide: side)
        } else {
            return nil
        }
    }
}
