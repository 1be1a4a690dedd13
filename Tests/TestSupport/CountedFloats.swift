/// Numbers that tell where they belong; written and looked at here, where loops are optimised.
package enum CountedFloats {
    private static func value(_ index: Int) -> Float { Float(index % 1000) }

    /// `start`, `start` + 1, … , over again after a thousand.
    package static func make(_ count: Int, from start: Int) -> [Float] {
        (0..<count).map { Float(start) + value($0) }
    }

    /// Whether nobody has written over any of them.
    package static func areWhole(_ values: [Float], count: Int, from start: Int) -> Bool {
        values.count == count && values.indices.allSatisfy { values[$0] == Float(start) + value($0) }
    }
}
