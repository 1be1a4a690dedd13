import Compute
import Glibc

extension OpCase {
    /// Elementwise operations: counts around the widths of a vector register and of a block of threads, every mix of
    /// dtypes.
    package static var elementwise: [OpCase] {
        var cases: [OpCase] = []
        for count in [1, 15, 16, 33, 8200, 9001] {
            for (x, out) in [(DType.f32, DType.f32), (.f32, .bf16), (.bf16, .bf16), (.bf16, .f32)] {
                let text = "\(count) \(x) to \(out)"
                cases.append(OpCase("SiLU \(text)", errorBound(out)) { try silu($0, count, x, out) })
                cases.append(OpCase("GELU \(text)", errorBound(out)) { try gelu($0, count, x, out, .exact) })
                cases.append(OpCase("quick GELU \(text)", errorBound(out)) { try gelu($0, count, x, out, .quick) })
                cases.append(OpCase("tanh GELU \(text)", errorBound(out)) { try gelu($0, count, x, out, .tanh) })
            }
            for dtype in [DType.f32, .bf16] {
                cases.append(
                    OpCase("GELU gate \(count) \(dtype)", errorBound(dtype)) { try geluGate($0, count, dtype) })
            }
            for dtype in [DType.f32, .bf16] {
                cases.append(OpCase("add \(count) \(dtype)", errorBound(dtype)) { try add($0, count, dtype) })
                cases.append(OpCase("finite \(count) \(dtype)", 1e-9) { try flagNonFinite($0, count, dtype) })
            }
            for terms in 1...4 {
                cases.append(OpCase("combine \(count), \(terms) terms", 2e-6) { try combine($0, count, terms) })
            }
        }
        return cases
    }

    static func silu(
        _ backend: any Backend, _ count: Int, _ xType: DType, _ outType: DType
    ) throws -> OpResult {
        var values = TestRandom.normal(count, seed: 1).map { $0 * 4 }
        if count > 1 { values[0] = -100 }
        let x = Operand(values, [count], xType)
        let input = try x.tensor(on: backend)
        let out = xType == outType ? input : try backend.allocate([count], outType)
        try backend.silu(input, into: out)
        return OpResult(try backend.download(out), from: x.doubles.map { TestSupport.silu($0) })
    }

    static func gelu(
        _ backend: any Backend, _ count: Int, _ xType: DType, _ outType: DType, _ form: GELU
    ) throws -> OpResult {
        var values = TestRandom.normal(count, seed: 1).map { $0 * 2 }
        if count > 1 { (values[0], values[count - 1]) = (-100, 100) }
        let x = Operand(values, [count], xType)
        let input = try x.tensor(on: backend)
        let out = xType == outType ? input : try backend.allocate([count], outType)
        try backend.gelu(input, form, into: out)
        let expected = x.doubles.map {
            switch form {
            case .exact: $0 / 2 * erfc(-$0 / 2.squareRoot())
            case .quick: $0 / (1 + exp(-1.702 * $0))
            case .tanh: geluTanh($0)
            }
        }
        return OpResult(try backend.download(out), from: expected)
    }

    static func add(_ backend: any Backend, _ count: Int, _ dtype: DType) throws -> OpResult {
        let x = Operand([count], dtype, seed: 1)
        let out = Operand([count], dtype, seed: 2)
        let sum = try out.tensor(on: backend)
        try backend.add(x.tensor(on: backend), into: sum)
        return OpResult(try backend.download(sum), from: zip(x.doubles, out.doubles).map { $0 + $1 })
    }

    static func geluGate(_ backend: any Backend, _ count: Int, _ dtype: DType) throws -> OpResult {
        let gate = Operand([count], dtype, scale: 3, seed: 1)
        let x = Operand([count], dtype, seed: 2)
        let out = try gate.tensor(on: backend)
        try backend.geluGate(out, x.tensor(on: backend), into: out)
        return OpResult(try backend.download(out), from: zip(gate.doubles, x.doubles).map { geluTanh($0) * $1 })
    }

    /// Flags of numbers alone, the largest among them, and of every other kind of value at the first, a middle and the
    /// last place; the last flag was set before.
    static func flagNonFinite(_ backend: any Backend, _ count: Int, _ dtype: DType) throws -> OpResult {
        let largest: Float = dtype == .f32 ? .greatestFiniteMagnitude : Float(bitPattern: 0x7f7f_0000)
        var found: [Float] = []
        var expected: [Double] = []
        func look(_ values: [Float], isSet: Bool = false, _ flagged: Double) throws {
            let flag = try backend.allocate([1], .u8)
            try backend.zero(flag)
            if isSet { try backend.flagNonFinite(backend.upload([.nan], [1]), in: flag) }
            try backend.flagNonFinite(Operand(values, [count], dtype).tensor(on: backend), in: flag)
            found += try backend.startDownload(flag).bytes().map(Float.init)
            expected.append(flagged)
        }
        var values = TestRandom.normal(count, seed: 1)
        values[count / 2] = -largest
        try look(values, 0)
        for strange in [Float.nan, .infinity, -.infinity] {
            for place in Set([0, count / 2, count - 1]) {
                var values = values
                values[place] = strange
                try look(values, 1)
            }
        }
        try look(values, isSet: true, 1)
        return OpResult(found, from: expected)
    }

    static func combine(_ backend: any Backend, _ count: Int, _ terms: Int) throws -> OpResult {
        let factors: [Float] = [0.5, -2, 3.25, 1]
        let operands = (0..<terms).map { Operand([count], seed: $0 + 1) }
        let tensors = try operands.map { try $0.tensor(on: backend) }
        let pairs = zip(factors, tensors).map { (factor: $0, tensor: $1) }
        try backend.combine(pairs, into: tensors[terms - 1])
        let expected = (0..<count).map { index in
            zip(factors, operands).reduce(0.0) { $0 + Double($1.0) * Double($1.1.values[index]) }
        }
        return OpResult(try backend.download(tensors[terms - 1]), from: expected)
    }
}
