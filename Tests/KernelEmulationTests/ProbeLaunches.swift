import CKernels
import KernelEmulation

/// The right kernels of emulation_probes.h with data and their results in integers.
enum Probe: CaseIterable, Sendable {
    case sum, product, warpgroup, transposedWarpgroup

    /// The run, and whether its result is right.
    func launch(
        seed: UInt64, plant: PlantSite? = nil, listsSites: Bool = false
    ) -> (run: EmulatedRun, isRight: Bool) {
        switch self {
        case .sum: sum(seed, plant, listsSites)
        case .product: product(seed, plant, listsSites)
        case .warpgroup: warpgroup(seed, plant, listsSites, transposed: false)
        case .transposedWarpgroup: warpgroup(seed, plant, listsSites, transposed: true)
        }
    }

    private func sum(_ seed: UInt64, _ plant: PlantSite?, _ lists: Bool) -> (EmulatedRun, Bool) {
        let x = (0..<3 * 128).map { Float($0 % 13) }
        let input = DeviceArray(x)
        let out = DeviceArray([Float](repeating: 0, count: 3))
        var arguments = emulation_probe_arguments()
        (arguments.out, arguments.x) = (out.address, input.address)
        let run = EmulatedRun(
            "emulation_probe_sum", grid: (3, 1, 1), threads: 128, shared: Int(EMULATION_PROBE_SUM_SHARED), arguments,
            seed: seed, plant: plant, listsSites: lists)
        return (run, out.values == (0..<3).map { x[$0 * 128..<$0 * 128 + 128].reduce(0, +) })
    }

    private func product(_ seed: UInt64, _ plant: PlantSite?, _ lists: Bool) -> (EmulatedRun, Bool) {
        let x = DeviceArray(Self.smallLeft.stored)
        let y = DeviceArray(Self.smallRight.stored)
        let out = DeviceArray([Float](repeating: 0, count: 32 * 8))
        var arguments = emulation_probe_arguments()
        (arguments.out, arguments.x, arguments.y) = (out.address, x.address, y.address)
        arguments.count = Int32(Self.smallLeft.columns)
        let run = EmulatedRun(
            "emulation_probe_product", threads: 64, shared: Int(EMULATION_PROBE_PRODUCT_SHARED), arguments, seed: seed,
            plant: plant, listsSites: lists)
        return (run, out.values == Self.smallResult)
    }

    private static let smallLeft = Matrix(rows: 32, columns: 160), smallRight = Matrix(rows: 8, columns: 160)
    private static let smallResult = smallLeft.times(smallRight).map { Float($0) }
    private static let left = Matrix(rows: 64, columns: 320), right = Matrix(rows: 64, columns: 320)
    private static let result = left.times(right).map(bf16)

    private func warpgroup(
        _ seed: UInt64, _ plant: PlantSite?, _ lists: Bool, transposed: Bool
    ) -> (EmulatedRun, Bool) {
        let count = Self.left.columns
        let a = DeviceArray(Self.left.stored)
        let b = DeviceArray(transposed ? Self.right.transposed : Self.right.stored)
        let out = DeviceArray([UInt16](repeating: 0, count: 64 * 64))
        var arguments = emulation_probe_warpgroup_arguments()
        (arguments.count, arguments.transposed) = (Int32(count), transposed ? 1 : 0)
        arguments.a = tensorMap(a.address, rows: 64, columns: count)
        arguments.b = tensorMap(b.address, rows: transposed ? count : 64, columns: transposed ? 64 : count)
        arguments.out = tensorMap(out.address, rows: 64, columns: 64)
        let run = EmulatedRun(
            "emulation_probe_warpgroup", threads: 256, shared: Int(EMULATION_PROBE_WARPGROUP_SHARED), arguments,
            seed: seed, plant: plant, listsSites: lists)
        return (run, out.values == Self.result)
    }
}

/// Small integers without a pattern that a wrong layout could keep.
struct Matrix: Sendable {
    let rows: Int, columns: Int
    let values: [Int]
    let stored: [UInt16], transposed: [UInt16]

    init(rows: Int, columns: Int) {
        (self.rows, self.columns) = (rows, columns)
        let values = (0..<rows * columns).map { $0 * $0 % 37 % 3 - 1 }
        self.values = values
        stored = values.map(bf16)
        transposed = (0..<columns).flatMap { column in (0..<rows).map { bf16(values[$0 * columns + column]) } }
    }

    /// Computes self · otherᵀ.
    func times(_ other: Matrix) -> [Int] {
        (0..<rows).flatMap { row in
            (0..<other.rows).map { column in
                (0..<columns).reduce(0) { $0 + values[row * columns + $1] * other.values[column * columns + $1] }
            }
        }
    }
}

/// A map of rows of bf16 or f32; a box is so many columns wide and rows high.
func tensorMap(
    _ base: ck_address, rows: Int, columns: Int, elementBytes: Int = 2, box: (Int, Int) = (64, 64)
) -> ck_tensor_map {
    var layout = ck_tensor_layout()
    (layout.base, layout.rank) = (base, 2)
    layout.dtype = Int32(elementBytes == 2 ? CK_TENSOR_MAP_BF16 : CK_TENSOR_MAP_F32)
    layout.swizzle = Int32(CK_TENSOR_MAP_SWIZZLE_128B)
    (layout.extents.0, layout.extents.1) = (UInt64(columns), UInt64(rows))
    layout.strides.0 = UInt64(columns * elementBytes)
    (layout.box.0, layout.box.1) = (UInt32(box.0), UInt32(box.1))
    var map = ck_tensor_map()
    precondition(unsafe emulation_write_tensor_map(&layout, &map) == 0)
    return map
}
