import TestSupport
import TestTools
import Testing
import VideoTypes

/// The checker on clips drawn here, whose content is known.
@Suite(.bounded) struct ClipCheckerTests {
    private let checker = ClipChecker(colours: ClipChecker.vocabulary)

    /// Inside tests of shapes of radius 1 around the origin, y downwards.
    private static let shapes: [String: @Sendable (Double, Double) -> Bool] = [
        "circle": { x, y in x * x + y * y < 1 },
        "square": { x, y in max(abs(x), abs(y)) < 0.85 },
        "triangle": { x, y in y < 0.6 && abs(x) * 1.6 < y + 1 },
        "ring": { x, y in (0.45..<1.1).contains(x * x + y * y) },
    ]

    private func clip(_ shape: String, _ colour: [UInt8], radius: [Double], path: [(Double, Double)]) throws -> [Frame]
    {
        let side = 64
        let isInside = try #require(Self.shapes[shape])
        return zip(radius, path).map { radius, centre in
            var pixels: [UInt8] = []
            for y in 0..<side {
                for x in 0..<side {
                    let inside = isInside((Double(x) + 0.5 - centre.0) / radius, (Double(y) + 0.5 - centre.1) / radius)
                    pixels += inside ? colour : [12, 12, 14]
                }
            }
            return Frame(width: side, height: side, pixels: pixels)
        }
    }

    @Test(arguments: ["circle", "square", "triangle", "ring"])
    func `it knows a shape that moves to the right`(_ shape: String) throws {
        let path = (0..<17).map { (14 + 2.2 * Double($0), 32.0) }
        let found = try checker.check(clip(shape, [34, 172, 64], radius: Array(repeating: 11, count: 17), path: path))
        #expect(found == ClipChecker.Verdict(colour: "green", shape: shape, motion: "right"))
    }

    @Test(arguments: [("up", 0.0, -1.0), ("down", 0, 1), ("left", -1, 0), ("down left", -1, 1), ("still", 0, 0)])
    func `it knows where a circle goes`(_ motion: String, _ dx: Double, _ dy: Double) throws {
        let path = (0..<17).map { (32 + dx * (Double($0) - 8) * 2, 32 + dy * (Double($0) - 8) * 2) }
        let found = try checker.check(
            clip("circle", [222, 36, 36], radius: Array(repeating: 9, count: 17), path: path))
        #expect(found == ClipChecker.Verdict(colour: "red", shape: "circle", motion: motion))
    }

    @Test func `it knows growing from shrinking`() throws {
        let radius = (0..<17).map { 5 + 0.8 * Double($0) }
        let path = Array(repeating: (32.0, 32.0), count: 17)
        #expect(try checker.check(clip("square", [40, 84, 226], radius: radius, path: path)).motion == "grow")
        #expect(
            try checker.check(clip("square", [40, 84, 226], radius: radius.reversed(), path: path)).motion == "shrink")
    }

    @Test func `an empty picture shows nothing`() {
        let frame = Frame(width: 64, height: 64, pixels: [UInt8](repeating: 40, count: 64 * 64 * 3))
        #expect(checker.check(Array(repeating: frame, count: 17)) == ClipChecker.Verdict())
    }
}
