/// A small deterministic source of test values.
package struct TestRandom {
    private var state: UInt64

    package init(seed: Int) {
        state = UInt64(truncatingIfNeeded: seed) &* 0x9e37_79b9_7f4a_7c15
    }

    /// SplitMix64.
    package mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var z = state
        z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
        z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
        return z ^ (z >> 31)
    }

    /// A whole number from 0 to `limit` - 1.
    package mutating func below(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }

    var isHeads: Bool { mutating get { below(2) == 0 } }

    mutating func one<T>(of choices: [T]) -> T { choices[below(choices.count)] }

    /// Sums of uniform values: close enough to a normal distribution, with a bound.
    package static func normal(_ count: Int, seed: Int) -> [Float] {
        var random = TestRandom(seed: seed)
        return (0..<count).map { _ in
            let bits = random.next()
            let sum = bits & 0xffff + bits >> 16 & 0xffff + bits >> 32 & 0xffff + bits >> 48
            return Float(sum) / 37837 - 3.464
        }
    }
}
