/// How far a result is from its reference.
package struct Deviation: CustomStringConvertible {
    /// ‖found - expected‖₂ / ‖expected‖₂.
    package let relative: Double
    package let largest: Double

    /// Any value that is not finite makes both infinite.
    package init(_ found: [Float], from expected: [Float]) {
        precondition(found.count == expected.count, "\(found.count) values, expected \(expected.count)")
        var (difference, norm, largest) = (0.0, 0.0, 0.0)
        for (a, b) in zip(found, expected) {
            let d = abs(Double(a) - Double(b))
            difference += d * d
            norm += Double(b) * Double(b)
            largest = d.isFinite ? max(largest, d) : .infinity
        }
        let ratio = difference == 0 ? 0 : (difference / norm).squareRoot()
        relative = ratio.isFinite ? ratio : .infinity
        self.largest = largest
    }

    package var description: String { "relative L2 \(relative), largest \(largest)" }
}
