import Compute
import Glibc

extension OpCase {
    /// Matrix products with every epilogue: odd sizes with every mix of dtypes, tiles, whole and ragged, and products
    /// that are cut into blocks of rows, columns and depth.
    package static var linear: [OpCase] { mixedProducts + tiledProducts + blockedProducts + runProducts }

    /// Gates for runs of rows, some of none, in products of every kind.
    private static var runProducts: [OpCase] {
        let runs: [(rows: Int, groups: Int, runs: RowRuns)] = [
            (12, 3, .even), (13, 2, .lengths([4, 9])), (300, 3, .lengths([140, 0, 160])),
        ]
        return runs.flatMap { rows, groups, runs in
            [(40, 33), (64, 136)].flatMap { k, n in
                [(DType.f32, DType.f32), (.bf16, .bf16), (.bf16, .f32)].map { x, out in
                    OpCase(
                        "linear (\(rows), \(k), \(n)) \(x) to \(out), gated add by \(groups) runs \(runs)",
                        out == .f32 ? 2e-5 : 4e-3
                    ) { try product($0, (rows, k, n), (x, x, out), "gated add", true, (groups, runs)) }
                }
            }
        }
    }

    static let epilogues = ["none", "gelu", "silu", "add", "gated add"]

    /// Operands of bf16 with rows of multiples of 8, as tensor cores take them: around tiles of 64 and 128 rows and
    /// columns that are 32 or 64 deep.
    private static var tiledProducts: [OpCase] {
        let sizes = [
            (64, 64, 64), (128, 64, 128), (130, 40, 136), (65, 72, 33), (7, 264, 129), (129, 16, 12), (1, 8, 3),
            (192, 104, 60),
        ]
        var cases: [OpCase] = []
        for (index, size) in sizes.enumerated() {
            for (turn, after) in epilogues.enumerated() {
                for out in [DType.f32, .bf16] {
                    let stored: DType = (index + turn) % 2 == 0 ? .bf16 : .f32
                    cases.append(
                        linear(size, (.bf16, stored, out), after, hasBias: (index + turn) % 3 != 0))
                }
            }
        }
        return cases
    }

    /// The last one's matrix is packed in two turns.
    private static var blockedProducts: [OpCase] {
        var cases: [OpCase] = []
        for (turn, after) in epilogues.enumerated() {
            cases.append(linear((110, 530, 70), (.f32, turn % 2 == 0 ? .f32 : .bf16, .f32), after, hasBias: turn != 2))
            cases.append(linear((205, 259, 33), (.bf16, turn % 2 == 0 ? .bf16 : .f16, .bf16), after, hasBias: true))
        }
        return cases + [linear((7, 2090, 2010), (.f32, .f16, .f32), "gelu", hasBias: true)]
    }

    /// Matrices that are packed in two turns, each of some of the depth where the result may grow.
    package static var deepProducts: [OpCase] {
        [
            linear((7, 2090, 2010), (.f32, .bf16, .f32), "none", hasBias: true),
            linear((7, 2101, 2005), (.bf16, .bf16, .f32), "gated add", hasBias: true),
        ]
    }

    static func linear(
        _ size: (m: Int, k: Int, n: Int), _ mix: (x: DType, stored: DType, out: DType), _ after: String, hasBias: Bool
    ) -> OpCase {
        OpCase(
            "linear \(size) \(mix.x) · \(mix.stored) to \(mix.out), \(after), bias \(hasBias)",
            mix.out == .f32 ? 2e-5 : 4e-3
        ) { try product($0, size, mix, after, hasBias) }
    }

    private static var mixedProducts: [OpCase] {
        let sizes = [(1, 48, 64), (7, 5, 3), (33, 130, 12), (50, 32, 48), (9, 256, 1), (17, 1, 31), (20, 96, 80)]
        let mixes: [(x: DType, stored: DType, out: DType)] = [
            (.f32, .f32, .f32), (.f32, .bf16, .f32), (.f32, .f16, .f32), (.bf16, .bf16, .bf16), (.bf16, .f32, .bf16),
            (.bf16, .bf16, .f32), (.bf16, .f16, .f32), (.bf16, .f32, .f32), (.f32, .f32, .bf16), (.f32, .f16, .bf16),
        ]
        var cases: [OpCase] = []
        for (index, size) in sizes.enumerated() {
            for (step, mix) in mixes.enumerated() {
                for turn in 0..<2 {
                    let (after, hasBias) = (epilogues[(index + 2 * step + turn) % 5], (step + turn) % 3 != 0)
                    cases.append(linear(size, mix, after, hasBias: hasBias))
                }
            }
        }
        return cases
    }

    private static func product(
        _ backend: any Backend, _ size: (m: Int, k: Int, n: Int), _ mix: (x: DType, stored: DType, out: DType),
        _ after: String, _ hasBias: Bool, _ shared: (groups: Int, runs: RowRuns) = (1, .even)
    ) throws -> OpResult {
        let w = Operand([size.n, size.k], mix.stored, scale: 0.3, seed: 2)
        return try product(backend, size, w.stored, w, (mix.x, mix.out), after, hasBias: hasBias, shared)
    }

    /// - Parameter w: the stored matrix's numbers.
    static func product(
        _ backend: any Backend, _ size: (m: Int, k: Int, n: Int), _ stored: StoredTensor, _ w: Operand,
        _ mix: (x: DType, out: DType), _ after: String, hasBias: Bool = true,
        _ shared: (groups: Int, runs: RowRuns) = (1, .even)
    ) throws -> OpResult {
        let (m, k, n) = size
        let x = Operand([m, k], mix.x, seed: 1)
        let bias = Operand([n], seed: 3)
        let gate = Operand(shared.groups == 1 ? [n] : [shared.groups, n], seed: 4)
        let groupOf = groupsOfRows(m, shared.groups, shared.runs)
        let old = Operand([m, n], mix.out, seed: 5)
        let out = try old.tensor(on: backend)
        let epilogues: [String: Epilogue] = [
            "none": .none, "gelu": .gelu, "silu": .silu, "add": .add,
            "gated add": .gatedAdd(gate: try gate.tensor(on: backend), runs: shared.runs),
        ]
        let weight = try backend.linearWeight(stored, for: mix.x)
        try backend.linear(
            x.tensor(on: backend), weight, bias: hasBias ? bias.tensor(on: backend) : nil, epilogues[after] ?? .none,
            into: out)
        return OpResult(
            try backend.download(out),
            from: product(
                x.doubles, Operand(w.values, w.shape, mix.x).doubles, hasBias ? bias.doubles : nil,
                groupOf.map { Array(gate.doubles[$0 * n..<($0 + 1) * n]) }, old.doubles, after))
    }

    private static func product(
        _ x: [Double], _ w: [Double], _ bias: [Double]?, _ gate: [[Double]], _ old: [Double], _ after: String
    ) -> [Double] {
        let n = gate[0].count
        let (m, k) = (old.count / n, w.count / n)
        var expected = [Double](repeating: 0, count: m * n)
        for row in 0..<m {
            for column in 0..<n {
                var y = bias?[column] ?? 0
                for i in 0..<k { y += x[row * k + i] * w[column * k + i] }
                let before = old[row * n + column]
                switch after {
                case "gelu": y = geluTanh(y)
                case "silu": y = TestSupport.silu(y)
                case "add": y += before
                case "gated add": y = before + gate[row][column] * y
                default: break
                }
                expected[row * n + column] = y
            }
        }
        return expected
    }
}

package func geluTanh(_ x: Double) -> Double {
    0.5 * x * (1 + tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
}

package func silu(_ x: Double) -> Double { x / (1 + exp(-x)) }
