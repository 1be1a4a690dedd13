import StrictJSON

/// Width and height as the API writes them: "1280x720".
struct ClipSize: Equatable, CustomStringConvertible {
    let width: Int
    let height: Int

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
    }

    /// nil for what has no such form.
    init?(_ text: String) {
        let parts = text.split(separator: "x", omittingEmptySubsequences: false)
        guard parts.count == 2, let width = Self.side(parts[0]), let height = Self.side(parts[1]) else { return nil }
        self.init(width: width, height: height)
    }

    private static func side(_ text: Substring) -> Int? {
        guard text.utf8.count <= 5, JSONNumber.isInteger(String(text)), let side = Int(text), side > 0 else {
            return nil
        }
        return side
    }

    var description: String { "\(width)x\(height)" }
}
