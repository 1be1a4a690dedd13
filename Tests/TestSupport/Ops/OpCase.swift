package import Compute

/// One operation on one set of shapes: runs on any backend and knows its float64 reference.
package struct OpCase: Sendable, CustomStringConvertible {
    package let description: String
    /// Bound of the relative L2 error.
    package let tolerance: Double
    private let body: @Sendable (any Backend) throws -> OpResult

    package init(
        _ description: String, _ tolerance: Double, _ body: @escaping @Sendable (any Backend) throws -> OpResult
    ) {
        precondition(tolerance > 0, "tolerance \(tolerance) of \(description)")
        self.description = description
        self.tolerance = tolerance
        self.body = body
    }

    package func run(on backend: any Backend) throws -> OpResult { try body(backend) }

    /// Every operation of the vocabulary, under the names of their groups.
    package static var groups: [(name: String, cases: [OpCase])] {
        [
            ("linear", linear), ("convolution", convolution), ("attention", attention), ("norms", norms),
            ("elementwise", elementwise), ("layout", layout), ("memory", memory), ("quantised", quantised),
        ]
    }
}

/// What an operation wrote and what it should have written.
package struct OpResult {
    package let found: [Float]
    /// Computes the reference; not cheap.
    package let reference: () -> OpReference

    package init(_ found: [Float], from expected: @escaping @autoclosure () -> [Double]) {
        self.found = found
        reference = { OpReference(expected()) }
    }
}

/// What an operation should write.
package struct OpReference {
    private let expected: [Float]
    private let largest: Double

    init(_ expected: [Double]) {
        self.expected = expected.map(Float.init)
        largest = expected.map(abs).max() ?? 0
    }

    package func deviation(of found: [Float]) -> Deviation { Deviation(found, from: expected) }

    /// Whether the whole is within `tolerance`, and no single element is far off.
    package func accepts(_ deviation: Deviation, _ tolerance: Double) -> Bool {
        deviation.relative <= tolerance && deviation.largest <= 10 * tolerance * largest
    }
}

/// Values of a test, rounded to what `dtype` can hold.
struct Operand: Sendable {
    let values: [Float]
    let doubles: [Double]
    let shape: Shape
    let dtype: DType

    init(_ values: [Float], _ shape: Shape, _ dtype: DType = .f32) {
        self.values = dtype == .f32 ? values : values.map { rounded($0, to: dtype) }
        doubles = self.values.map(Double.init)
        self.shape = shape
        self.dtype = dtype
    }

    /// Normally distributed values.
    init(_ shape: Shape, _ dtype: DType = .f32, scale: Float = 1, seed: Int) {
        self.init(TestRandom.normal(shape.count, seed: seed).map { $0 * scale }, shape, dtype)
    }

    func tensor(on backend: any Backend) throws -> Tensor {
        let upload = try backend.upload(values, shape)
        guard dtype != .f32 else { return upload }
        let out = try backend.allocate(shape, dtype)
        try backend.copy(upload, into: out)
        return out
    }

    /// The values as a checkpoint would hold them.
    var stored: StoredTensor {
        var bytes: [UInt8] = []
        for value in values {
            switch dtype {
            case .f32: append(value.bitPattern, to: &bytes)
            case .bf16: append(UInt16(truncatingIfNeeded: value.bitPattern >> 16), to: &bytes)
            case .f16: append(Float16(value).bitPattern, to: &bytes)
            case .u8, .i32: preconditionFailure("no test stores \(dtype)")
            }
        }
        return StoredTensor(bytes: HeapBytes(bytes).host, dtype: dtype, shape: shape)
    }

    private func append<Bits: FixedWidthInteger>(_ bits: Bits, to bytes: inout [UInt8]) {
        for shift in stride(from: 0, to: Bits.bitWidth, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: bits >> shift))
        }
    }
}

/// To the nearest value of `dtype`, ties to even.
private func rounded(_ value: Float, to dtype: DType) -> Float {
    switch dtype {
    case .bf16:
        let bits = value.bitPattern
        return Float(bitPattern: (bits &+ 0x7fff &+ (bits >> 16 & 1)) & 0xffff_0000)
    case .f16: return Float(Float16(value))
    case .f32, .u8, .i32: return value
    }
}

/// The bound of the error of a result that is stored in `dtype`.
func errorBound(_ dtype: DType) -> Double { dtype == .f32 ? 2e-6 : 4e-3 }
