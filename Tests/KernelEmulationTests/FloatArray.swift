import CKernels

/// Values with a mean and a spread, of few digits.
func floats(_ count: Int) -> [Float] {
    (0..<count).map { Float($0 * $0 % 37 % 5) * 0.5 + Float($0 % 3) }
}

/// An array of f32 or of bf16 in the memory that emulated kernels reach, made of values that have few digits.
struct FloatArray {
    private let f32: DeviceArray<Float>?
    private let bf16: DeviceArray<UInt16>?
    let address: ck_address

    init(_ values: [Float], isBF16: Bool) {
        let wide = isBF16 ? nil : DeviceArray(values)
        let narrow = isBF16 ? DeviceArray(values.map { UInt16($0.bitPattern >> 16) }) : nil
        (f32, bf16, address) = (wide, narrow, wide?.address ?? narrow?.address ?? 0)
    }

    /// To the last bits, relative to the values or to 1 / 1000.
    func isClose(to expected: [Float]) -> Bool {
        let values = f32?.values ?? bf16?.values.map { float($0) } ?? []
        let tolerance: Float = bf16 == nil ? 1e-5 : 0.004
        return values.count == expected.count
            && zip(values, expected).allSatisfy { abs($0 - $1) <= tolerance * max(abs($1), 0.001) }
    }
}
