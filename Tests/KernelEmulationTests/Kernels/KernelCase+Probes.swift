import CKernels
import KernelEmulation

extension KernelCase {
    /// The right kernels of emulation_probes.h with data and their results in integers.
    static let probes = [
        sumProbe, productProbe,
        warpgroupProbe("emulation_probe_warpgroup, rows of b", isTransposed: false),
        warpgroupProbe("emulation_probe_warpgroup, columns of b", isTransposed: true),
    ]

    private static let sumProbe = KernelCase(name: "emulation_probe_sum") { trial in
        let x = (0..<3 * 128).map { Float($0 % 13) }
        let input = DeviceArray(x)
        let out = DeviceArray([Float](repeating: 0, count: 3))
        var arguments = emulation_probe_arguments()
        (arguments.out, arguments.x) = (out.address, input.address)
        let run = EmulatedRun(
            "emulation_probe_sum", grid: (3, 1, 1), threads: 128, shared: Int(EMULATION_PROBE_SUM_SHARED), arguments,
            trial)
        return (run, out.values == (0..<3).map { x[$0 * 128..<$0 * 128 + 128].reduce(0, +) })
    }

    private static let productProbe: KernelCase = {
        let left = Matrix(rows: 32, columns: 160)
        let right = Matrix(rows: 8, columns: 160)
        let result = left.times(right).map { Float($0) }
        return KernelCase(name: "emulation_probe_product") { trial in
            let x = DeviceArray(left.stored)
            let y = DeviceArray(right.stored)
            let out = DeviceArray([Float](repeating: 0, count: 32 * 8))
            var arguments = emulation_probe_arguments()
            (arguments.out, arguments.x, arguments.y) = (out.address, x.address, y.address)
            arguments.count = Int32(left.columns)
            let run = EmulatedRun(
                "emulation_probe_product", threads: 64, shared: Int(EMULATION_PROBE_PRODUCT_SHARED), arguments, trial)
            return (run, out.values == result)
        }
    }()

    private static func warpgroupProbe(_ name: String, isTransposed: Bool) -> KernelCase {
        let count = 320
        let left = Matrix(rows: 64, columns: count)
        let right = Matrix(rows: 64, columns: count)
        let result = left.times(right).map(bf16)
        return KernelCase(name: name) { trial in
            let a = DeviceArray(left.stored)
            let b = DeviceArray(isTransposed ? right.transposed : right.stored)
            let out = DeviceArray([UInt16](repeating: 0, count: 64 * 64))
            var arguments = emulation_probe_warpgroup_arguments()
            (arguments.count, arguments.transposed) = (Int32(count), isTransposed ? 1 : 0)
            arguments.a = tensorMap(a.address, rows: 64, columns: count)
            arguments.b = tensorMap(b.address, rows: isTransposed ? count : 64, columns: isTransposed ? 64 : count)
            arguments.out = tensorMap(out.address, rows: 64, columns: 64)
            let run = EmulatedRun(
                "emulation_probe_warpgroup", threads: 256, shared: Int(EMULATION_PROBE_WARPGROUP_SHARED), arguments,
                trial)
            return (run, out.values == result)
        }
    }
}
