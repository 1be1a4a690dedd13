import Compute

extension OpCase {
    /// Copies, conversions, weights as they are stored.
    package static var memory: [OpCase] {
        let dtypes = [DType.f32, .bf16, .f16]
        var cases: [OpCase] = []
        for count in [1, 17, 5000] {
            for from in dtypes {
                for to in dtypes {
                    cases.append(OpCase("copy \(count) \(from) to \(to)", 1e-9) { try copy($0, count, from, to) })
                }
                cases.append(
                    OpCase("vector \(count) \(from)", 1e-9) { backend in
                        let x = Operand([count], from, seed: 1)
                        return OpResult(try backend.download(backend.vector(x.stored)), from: x.doubles)
                    })
                cases.append(
                    OpCase("resident \(count) \(from)", 1e-9) { backend in
                        let x = Operand([count], from, seed: 1)
                        return OpResult(try backend.download(backend.resident(x.stored)), from: x.doubles)
                    })
            }
        }
        cases.append(
            OpCase("zero the middle of a tensor", 1e-9) { backend in
                let x = Operand([5, 3], .bf16, seed: 1)
                let tensor = try x.tensor(on: backend)
                try backend.zero(tensor[1..<3])
                let expected = x.doubles.enumerated().map { (3..<9).contains($0.offset) ? 0 : $0.element }
                return OpResult(try backend.download(tensor), from: expected)
            })
        return cases
    }

    private static func copy(_ backend: any Backend, _ count: Int, _ from: DType, _ to: DType) throws -> OpResult {
        let x = Operand([count], from, seed: 1)
        let out = try backend.allocate([1, count], to)
        try backend.copy(backend.resident(x.stored), into: out)
        return OpResult(try backend.download(out), from: Operand(x.values, x.shape, to).doubles)
    }
}
