import Compute
import ComputeCUDA
import VideoTypes

/// Times of single kernels by the GPU's clock, on random numbers, beside what the card can do at most.
struct KernelsReport {
    let machine: GPUMachine
    let output: BenchOutput
    let shapes: KernelShapes
    let repeats: Int
    /// Of "ceilings", "attention", "gemm", "convolution"; nil for all.
    var only: [String]?
    /// How many random numbers there are.
    var period = (1 << 24) + 43

    /// A way to serve an operation.
    private typealias Way = (name: String, servers: CUDABackend.Servers)

    /// Whether every kernel ran.
    func run() throws -> Bool {
        let backend = try machine.backend()
        var random = try RandomTensors(backend, period: period)
        var parts: [(String, JSONText)] = [
            ("device", .string(backend.device.name)), ("repeats", .integer(repeats)),
        ]
        func isAsked(_ kind: String) -> Bool { only?.contains(kind) ?? true }
        if isAsked("ceilings") {
            parts.append(("ceilings", try machine.watchdog.watch("ceilings") { try ceilings(backend, &random) }))
        }
        var failures = 0
        func add<S>(_ kind: String, _ shapes: [S], _ body: (S) throws -> JSONText) throws {
            guard isAsked(kind) else { return }
            var rows: [JSONText] = []
            for shape in shapes {
                do {
                    rows.append(try machine.watchdog.watch("\(kind) \(shape)") { try body(shape) })
                } catch {
                    failures += 1
                    output.line("FAILED \(kind) \(shape): \(error)")
                    // Nothing works in this process any more.
                    if case .deviceLost? = error as? ComputeError { throw error }
                }
                try output.write("kernels", .object(parts + [(kind, .array(rows))]))
            }
            parts.append((kind, .array(rows)))
        }
        try add("attention", shapes.attention) { try attention($0, backend, &random) }
        try add("gemm", shapes.gemm) { try product($0, backend, &random) }
        try add("convolution", shapes.convolution) { try convolution($0, backend, &random) }
        try output.write("kernels", .object(parts))
        return failures == 0
    }

    private func ours(_ backend: CUDABackend) -> [Way] {
        (backend.hasWarpgroups && machine.servers.contains(.warpgroups) ? [("warpgroups", [.warpgroups])] : [])
            + (machine.servers == [.warpgroups] ? [] : [("portable", [])])
    }

    /// The median over the repeats, after three to warm up.
    private func milliseconds(
        _ backend: CUDABackend, _ servers: CUDABackend.Servers = [.warpgroups, .library],
        _ body: () throws(ComputeError) -> Void
    ) throws -> Double {
        let before = backend.servers
        backend.servers = servers
        defer { backend.servers = before }
        for _ in 0..<3 { try body() }
        return median(try (0..<repeats).map { _ in try 1000 * backend.seconds(body) })
    }

    private func ceilings(_ backend: CUDABackend, _ random: inout RandomTensors) throws -> JSONText {
        let side = shapes.ceilings.productSide
        let (a, b) = (try random.tensor([side, side]), try random.tensor([side, side]))
        let product = try backend.allocate([side, side], .bf16)
        let weight = LinearWeight(storage: b.storage, outFeatures: side, inFeatures: side, dtype: .bf16)
        let by = backend.hasLibrary ? "cuBLASLt" : "our kernels, there is no cuBLASLt"
        let time = try milliseconds(backend, backend.hasLibrary ? [.library] : [.warpgroups]) {
            () throws(ComputeError) in try backend.linear(a, weight, bias: nil, .none, into: product)
        }
        let rate = 2 * Double(side * side) * Double(side) / time / 1e9
        let x = try random.tensor([shapes.ceilings.copiedElements], .f32)
        let copy = try backend.allocate(x.shape, .f32)
        let copying = try milliseconds(backend) { () throws(ComputeError) in try backend.copy(x, into: copy) }
        let bandwidth = 2 * Double(x.byteCount) / copying / 1e9
        output.line("product of side \(side) by \(by): \(shown(rate, 0)) TFLOP/s")
        output.line("copy of \(x.byteCount >> 20) MiB: \(shown(bandwidth)) TB/s, bytes read and written")
        return .object([
            ("matmul_tflops", .number(rate)), ("matmul_by", .string(by)), ("matmul_side", .integer(side)),
            ("copy_tb_per_s", .number(bandwidth)),
        ])
    }

    /// Times every way, tells and returns them under what identifies the shape.
    private func measured(
        _ identity: [(String, JSONText)], _ title: String, flops: Double, _ backend: CUDABackend, _ ways: [Way],
        _ body: (Way) throws(ComputeError) -> Void
    ) throws -> JSONText {
        var times: [(String, JSONText)] = []
        var texts: [String] = []
        for way in ways {
            let time = try milliseconds(backend, way.servers) { () throws(ComputeError) in try body(way) }
            times.append((way.name, .number(time)))
            texts.append("\(way.name) \(shown(time, 3)) ms, \(shown(flops / time / 1e9, 1)) TFLOP/s")
        }
        output.line("\(title): \(texts.joined(separator: "; "))")
        return .object(identity + [("flops", .number(flops)), ("ms", .object(times))])
    }

    private func attention(
        _ shape: KernelShapes.Attention, _ backend: CUDABackend, _ random: inout RandomTensors
    ) throws -> JSONText {
        let width = shape.heads * shape.head_dim
        let q = try random.tensor([shape.queries, width])
        let (k, v) = (try random.tensor([shape.keys, width]), try random.tensor([shape.keys, width]))
        let out = try backend.allocate(q.shape, .bf16)
        let scale = 1 / Float(shape.head_dim).squareRoot()
        let last = Float(shape.raisesLast == true ? 6 : 0)
        let raised = try backend.upload([Float](repeating: 0, count: shape.keys - 1) + [last], [shape.keys])
        let bias = shape.raisesLast == true ? AttentionBias.lastKey(raised) : nil
        return try measured(
            [
                ("name", .string(shape.name)), ("heads", .integer(shape.heads)), ("head_dim", .integer(shape.head_dim)),
                ("queries", .integer(shape.queries)), ("keys", .integer(shape.keys)),
            ],
            "attention \(shape.name), \(shape.queries) × \(shape.keys), \(shape.heads) heads of \(shape.head_dim)",
            flops: shape.flops, backend, ours(backend)
        ) { _ throws(ComputeError) in
            try backend.attention(q, k, v, heads: shape.heads, scale: scale, groups: .all, bias: bias, into: out)
        }
    }

    /// Our products with a bias, as every model has it; cuBLASLt's without, and without epilogue.
    private func product(
        _ shape: KernelShapes.Product, _ backend: CUDABackend, _ random: inout RandomTensors
    ) throws -> JSONText {
        let x = try random.tensor([shape.m, shape.k])
        let matrix = try random.tensor([shape.n, shape.k])
        let weight = LinearWeight(
            storage: matrix.storage, outFeatures: shape.n, inFeatures: shape.k, dtype: .bf16)
        let (bias, gate) = (try random.tensor([shape.n], .f32), try random.tensor([shape.n], .f32))
        let plain = try backend.allocate([shape.m, shape.n], .bf16)
        // The residual stream is f32.
        let isWide = shape.epilogue.hasSuffix("add") || shape.into == "f32"
        let sum = isWide ? try random.tensor([shape.m, shape.n], .f32) : plain
        let epilogues: [String: Epilogue] = [
            "none": .none, "gelu": .gelu, "add": .add, "gated_add": .gatedAdd(gate: gate),
        ]
        guard let epilogue = epilogues[shape.epilogue] else {
            throw BenchCommand.UsageError(description: "no epilogue \(shape.epilogue)")
        }
        let hasLibrary = backend.hasLibrary && machine.servers.contains(.library)
        let library: [Way] = hasLibrary ? [("cublaslt", [.library])] : []
        let epilogueName = shape.into == "f32" ? "\(shape.epilogue), f32" : shape.epilogue
        return try measured(
            [
                ("name", .string(shape.name)), ("m", .integer(shape.m)), ("n", .integer(shape.n)),
                ("k", .integer(shape.k)), ("epilogue", .string(epilogueName)),
            ],
            "product \(shape.name), \(shape.m) × \(shape.n) × \(shape.k), \(shape.epilogue)", flops: shape.flops,
            backend, ours(backend) + library
        ) { way throws(ComputeError) in
            if way.servers == [.library] {
                try backend.linear(x, weight, bias: nil, .none, into: plain)
            } else {
                try backend.linear(x, weight, bias: bias, epilogue, into: sum)
            }
        }
    }

    /// One frame behind its history, into f32 as the decoders have it.
    private func convolution(
        _ shape: KernelShapes.Convolution, _ backend: CUDABackend, _ random: inout RandomTensors
    ) throws -> JSONText {
        let past = shape.kernel[0] - 1
        let frames = try random.tensor([past + 1, shape.height, shape.width, shape.inputs])
        let taps = try random.tensor([shape.kernel.reduce(1, *), shape.outputs, shape.inputs])
        let weight = ConvolutionWeight(
            storage: taps.storage, outChannels: shape.outputs, inChannels: shape.inputs, kernel: shape.kernel,
            dtype: .bf16)
        let bias = try random.tensor([shape.outputs], .f32)
        let out = try backend.allocate([1, shape.height, shape.width, shape.outputs], .f32)
        try backend.zero(out)
        return try measured(
            [
                ("name", .string(shape.name)), ("height", .integer(shape.height)), ("width", .integer(shape.width)),
                ("in", .integer(shape.inputs)), ("out", .integer(shape.outputs)),
                ("kernel", .array(shape.kernel.map { .integer($0) })),
                ("accumulates", .bool(shape.accumulates == true)),
            ],
            "convolution \(shape.name), \(shape.inputs) to \(shape.outputs), \(shape.kernel)", flops: shape.flops,
            backend, ours(backend)
        ) { _ throws(ComputeError) in
            try backend.convolution(
                frames[past..<past + 1], history: (0..<past).map { frames[$0] }, weight, bias: bias,
                accumulate: shape.accumulates == true, into: out)
        }
    }
}
