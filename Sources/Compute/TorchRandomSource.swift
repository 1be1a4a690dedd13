import Glibc

/// The normal numbers of `torch.Generator("cpu").manual_seed(seed)` and `torch.randn(count)` in f32.
///
/// Sixteen numbers or more come from PyTorch's AVX2 code, whose every multiplication and addition is repeated here in
/// its order (fused where it fuses), so that any machine draws the same bits. Fewer come from its scalar code.
package struct TorchRandomSource: Sendable {
    private var engine: MersenneTwister
    /// The scalar code makes numbers in pairs; the second waits here, whatever is drawn in between.
    private var cached: Double?

    /// - Parameter seed: only the lower 32 bits count, as in PyTorch.
    package init(seed: UInt64) {
        engine = MersenneTwister(seed: UInt32(truncatingIfNeeded: seed))
    }

    /// The next `count` numbers, as one call of `torch.randn` with that many elements draws them.
    package mutating func normals(_ count: Int) -> [Float] {
        precondition(count >= 0)
        if count < 16 { return (0..<count).map { _ in Float(scalar()) } }
        var values = (0..<count).map { _ in uniform() }
        for start in stride(from: 0, through: count - 16, by: 16) { Self.transform(&values, at: start) }
        if count % 16 != 0 {
            // The last sixteen are drawn again.
            for index in count - 16..<count { values[index] = uniform() }
            Self.transform(&values, at: count - 16)
        }
        return values
    }

    /// In [0, 1), 24 bits.
    private mutating func uniform() -> Float { Float(engine.next() & 0xFF_FFFF) * 0x1p-24 }

    /// In [0, 1), 53 bits.
    private mutating func wideUniform() -> Double {
        let high = UInt64(engine.next())
        let low = UInt64(engine.next())
        return Double((high << 32 | low) & (1 << 53 - 1)) * 0x1p-53
    }

    private mutating func scalar() -> Double {
        if let number = cached {
            cached = nil
            return number
        }
        let angle = 2 * Double.pi * wideUniform()
        let radius = (-2 * log1p(-wideUniform())).squareRoot()
        cached = radius * sin(angle)
        return radius * cos(angle)
    }

    /// 2π rounded to nearest; `Float.pi` is rounded down.
    private static let turn = Float(2 * Double.pi)

    /// Box-Muller on sixteen uniform numbers: element k pairs with element k + 8.
    private static func transform(_ values: inout [Float], at start: Int) {
        for index in start..<start + 8 {
            let radius = (-2 * logarithm(1 - values[index])).squareRoot()
            let (sine, cosine) = sineAndCosine(turn * values[index + 8])
            values[index] = radius * cosine
            values[index + 8] = radius * sine
        }
    }

    /// Natural logarithm of a number in (0, 1], after Cephes (`logf`).
    private static func logarithm(_ number: Float) -> Float {
        let bits = number.bitPattern
        var exponent = Float(Int32(bits >> 23) - 126)
        let mantissa = Float(bitPattern: bits & 0x7F_FFFF | 0x3F00_0000)
        var x = mantissa - 1
        if mantissa < 0.707106781186547524 {
            exponent -= 1
            x += mantissa
        }
        let square = x * x
        var y: Float = 7.0376836292e-2
        y = Float(-1.1514610310e-1).addingProduct(y, x)
        y = Float(1.1676998740e-1).addingProduct(y, x)
        y = Float(-1.2420140846e-1).addingProduct(y, x)
        y = Float(1.4249322787e-1).addingProduct(y, x)
        y = Float(-1.6668057665e-1).addingProduct(y, x)
        y = Float(2.0000714765e-1).addingProduct(y, x)
        y = Float(-2.4999993993e-1).addingProduct(y, x)
        y = Float(3.3333331174e-1).addingProduct(y, x)
        y *= x
        y = (exponent * -2.12194440e-4).addingProduct(y, square)
        y = y.addingProduct(-square, 0.5)
        return (x + y).addingProduct(exponent, 0.693359375)
    }

    /// Of an angle of at least 0, after Cephes (`sinf`, `cosf`).
    private static func sineAndCosine(_ angle: Float) -> (sine: Float, cosine: Float) {
        let octant = (Int32(angle * 1.27323954473516) + 1) & ~1
        let multiple = Float(octant)
        var x = angle.addingProduct(multiple, -0.78515625)
        x = x.addingProduct(multiple, -2.4187564849853515625e-4)
        x = x.addingProduct(multiple, -3.77489497744594108e-8)
        let square = x * x

        var even: Float = 2.443315711809948e-5
        even = Float(-1.388731625493765e-3).addingProduct(even, square)
        even = Float(4.166664568298827e-2).addingProduct(even, square)
        even *= square
        even = (-(square * 0.5)).addingProduct(even, square)
        even += 1

        var odd: Float = -1.9515295891e-4
        odd = Float(8.3321608736e-3).addingProduct(odd, square)
        odd = Float(-1.6666654611e-1).addingProduct(odd, square)
        odd *= square
        odd = x.addingProduct(odd, x)

        let isSwapped = octant & 2 != 0
        let sine = isSwapped ? even : odd
        let cosine = isSwapped ? odd : even
        return (octant & 4 == 0 ? sine : -sine, (octant &- 2) & 4 != 0 ? cosine : -cosine)
    }
}

/// MT19937 (Matsumoto and Nishimura 1998).
private struct MersenneTwister: Sendable {
    private var state: [UInt32]
    private var index = 624

    init(seed: UInt32) {
        state = [seed]
        state.reserveCapacity(624)
        for position in 1..<624 {
            let last = state[position - 1]
            state.append(1_812_433_253 &* (last ^ last >> 30) &+ UInt32(position))
        }
    }

    mutating func next() -> UInt32 {
        if index == 624 { twist() }
        var word = state[index]
        index += 1
        word ^= word >> 11
        word ^= word << 7 & 0x9D2C_5680
        word ^= word << 15 & 0xEFC6_0000
        return word ^ word >> 18
    }

    private mutating func twist() {
        for position in 0..<624 {
            let following = state[position == 623 ? 0 : position + 1]
            let mixed = state[position] & 0x8000_0000 | following & 0x7FFF_FFFF
            let far = state[position < 227 ? position + 397 : position - 227]
            state[position] = far ^ mixed >> 1 ^ (mixed & 1 == 0 ? 0 : 0x9908_B0DF)
        }
        index = 0
    }
}
