import Compute

extension OpCase {
    /// `count` cases of random sizes for each group of operations, the same for the same seed.
    package static func random(_ count: Int, seed: Int) -> [(name: String, cases: [OpCase])] {
        var random = TestRandom(seed: seed)
        func cases(_ one: (inout TestRandom) -> OpCase) -> [OpCase] { (0..<count).map { _ in one(&random) } }
        return [
            ("linear", cases(randomLinear)), ("convolution", cases(randomConvolution)),
            ("attention", cases(randomAttention)), ("norms", cases(randomNorm)),
            ("elementwise", cases(randomElementwise)), ("layout", cases(randomLayout)),
        ]
    }

    /// More tiles than a GPU runs at once, so that blocks take several in turn.
    package static var large: [(name: String, cases: [OpCase])] {
        [
            (
                "linear",
                [
                    linear((4200, 128, 1160), (.bf16, .bf16, .bf16), "gelu", hasBias: true),
                    linear((4100, 136, 1032), (.bf16, .bf16, .f32), "gated add", hasBias: true),
                    linear((2100, 2056, 520), (.bf16, .bf16, .bf16), "none", hasBias: false),
                ]
            ),
            (
                "convolution",
                [
                    convolution(
                        ([2, 90, 110], [96, 96], [3, 3, 3]), (.bf16, .bf16, .f32), hasBias: true, accumulates: false,
                        missing: []),
                    convolution(
                        ([1, 70, 130], [64, 384], [1, 3, 3]), (.bf16, .bf16, .bf16), hasBias: true, accumulates: true,
                        missing: []),
                ]
            ),
            (
                "attention",
                [
                    attentionCase(AttentionSize(queries: 3000, keys: 300, heads: 10, headDim: 64), .bf16),
                    attentionCase(AttentionSize(queries: 2500, keys: 520, heads: 10, headDim: 128), .bf16),
                ]
            ),
        ]
    }

    private static func randomLinear(_ random: inout TestRandom) -> OpCase {
        let isTiled = random.below(4) > 0
        let unit = isTiled ? 8 : 1
        let size = (m: 1 + random.below(600), k: unit * (1 + random.below(400 / unit)), n: 1 + random.below(400))
        let x: DType = isTiled || random.isHeads ? .bf16 : .f32
        let stored = random.one(of: [DType.f32, .bf16, .f16])
        // Columns in multiples of 8 go to other kernels than the rest.
        let columns = random.isHeads ? (size.n + 7) / 8 * 8 : size.n
        return linear(
            (size.m, size.k, columns), (x, stored, random.one(of: [.f32, .bf16])), random.one(of: epilogues),
            hasBias: random.isHeads)
    }

    private static func randomConvolution(_ random: inout TestRandom) -> OpCase {
        let unit = random.below(4) > 0 ? 8 : 1
        let kernel = random.one(of: [[3, 3, 3], [1, 3, 3], [3, 1, 1], [1, 1, 1]])
        let outputs = random.isHeads ? 8 * (8 + random.below(24)) : 1 + random.below(64)
        let window = kernel == [1, 1, 1] || random.isHeads ? nil : randomWindow(kernel, &random)
        // Any window fits five places.
        let least = window == nil ? 1 : 5
        let size: ConvolutionSize = (
            [least + random.below(3), least + random.below(24), least + random.below(24)],
            [unit * (1 + random.below(96 / unit)), outputs], kernel
        )
        let histories: [Set<Int>] = [[], [0], [0, 1], [1]]
        return convolution(
            size, (unit == 8 ? .bf16 : .f32, random.one(of: [.f32, .bf16]), random.one(of: [.f32, .bf16])),
            hasBias: random.isHeads, accumulates: random.isHeads, missing: random.one(of: histories), window: window)
    }

    private static func randomWindow(_ kernel: [Int], _ random: inout TestRandom) -> Window {
        func axis(_ extent: Int, mostBefore: Int, mostAfter: Int) -> Window.Axis {
            let (stride, dilation) = (1 + random.below(2), 1 + random.below(2))
            return Window.Axis(
                stride: stride, dilation: dilation, before: random.below(min(mostBefore, (extent - 1) * dilation) + 1),
                after: random.below(mostAfter + 1))
        }
        return Window(
            time: axis(kernel[0], mostBefore: 2, mostAfter: 0), height: axis(kernel[1], mostBefore: 3, mostAfter: 3),
            width: axis(kernel[2], mostBefore: 3, mostAfter: 3))
    }

    private static func randomAttention(_ random: inout TestRandom) -> OpCase {
        let headDim = random.below(4) > 0 ? random.one(of: [64, 128]) : 4 * (1 + random.below(32))
        let heads = 1 + random.below(4)
        let dtype: DType = random.below(5) > 0 ? .bf16 : .f32
        var size = AttentionSize(
            queries: 1 + random.below(500), keys: 1 + random.below(500), heads: heads, headDim: headDim)
        switch random.below(4) {
        case 0:
            let (groups, length) = (1 + random.below(6), 1 + random.below(160))
            (size.queries, size.keys) = (groups * length, groups * length)
            size.groups = random.isHeads ? .consecutive(length: length) : .strided(stride: groups)
        case 1: size.bias = random.one(of: [.head, .key, .headMasked, .keyMasked, .last])
        default: break
        }
        return attentionCase(size, dtype)
    }

    private static func randomNorm(_ random: inout TestRandom) -> OpCase {
        let shape: Shape = [1 + random.below(70), 1 + random.below(6000)]
        let (x, out) = random.one(of: [(DType.f32, DType.f32), (.f32, .bf16), (.bf16, .bf16), (.bf16, .f32)])
        let (text, isOn) = ("\(shape) \(x) to \(out)", random.isHeads)
        switch random.below(5) {
        case 0:
            return OpCase("layer norm \(shape) f32 to \(out), affine \(isOn)", errorBound(out)) {
                try layerNorm($0, shape, out, isOn)
            }
        case 1: return OpCase("RMS norm \(text)", errorBound(out)) { try rmsNorm($0, shape, x, out) }
        case 2:
            return OpCase("channel norm \(text), SiLU \(isOn)", 2 * errorBound(out)) {
                try channelNorm($0, shape, x, out, isOn)
            }
        case 3:
            let groups = 1 + random.below(16)
            let parts: Shape = [1 + random.below(3), 1 + random.below(20), 1 + random.below(20), groups * 4]
            return OpCase("group norm \(parts), \(groups) groups, \(x) to \(out), SiLU \(isOn)", 2 * errorBound(out)) {
                try groupNorm($0, parts, groups, x, out, isOn)
            }
        default:
            let (tokens, heads, width) = (1 + random.below(50), 1 + random.below(40), 2 * (1 + random.below(64)))
            let text = "\(tokens) × \(heads) × \(width) \(out), turns \(isOn)"
            return OpCase("RMS norm and rotary \(text)", errorBound(out)) {
                try rmsNormRotary($0, tokens, heads, width, out, isOn)
            }
        }
    }

    private static func randomElementwise(_ random: inout TestRandom) -> OpCase {
        let count = 1 + random.below(300_000)
        let dtype = random.one(of: [DType.f32, .bf16])
        switch random.below(3) {
        case 0:
            let out = random.one(of: [DType.f32, .bf16])
            return OpCase("SiLU \(count) \(dtype) to \(out)", errorBound(out)) { try silu($0, count, dtype, out) }
        case 1: return OpCase("GELU gate \(count) \(dtype)", errorBound(dtype)) { try geluGate($0, count, dtype) }
        default:
            let terms = 1 + random.below(4)
            return OpCase("combine \(count), \(terms) terms", 2e-6) { try combine($0, count, terms) }
        }
    }

    private static func randomLayout(_ random: inout TestRandom) -> OpCase {
        let dtype = random.one(of: [DType.f32, .bf16])
        let bound = errorBound(dtype)
        let shape: Shape = [
            1 + random.below(5), 1 + random.below(30), 1 + random.below(30), 1 + random.below(100),
        ]
        switch random.below(6) {
        case 0:
            let patch = PatchSize(time: 1, height: 2, width: 2)
            let latents: Shape = [1 + random.below(48), shape[0], 2 * shape[1], 2 * shape[2]]
            return OpCase("patchify \(latents) \(dtype)", bound) {
                try patchify($0, latents, patch, 4 * latents[0] + 4, dtype)
            }
        case 1:
            let patch = PatchSize(time: 1, height: 2, width: 2)
            let latents: Shape = [1 + random.below(48), shape[0], 2 * shape[1], 2 * shape[2]]
            return OpCase("unpatchify \(latents) \(dtype)", bound) { try unpatchify($0, latents, patch, dtype) }
        case 2: return OpCase("upsample \(shape) \(dtype)", bound) { try upsample($0, shape, dtype) }
        case 3: return OpCase("interleave frames \(shape) \(dtype)", bound) { try interleave($0, shape, dtype) }
        case 4:
            // A frame of index 1 is taken.
            let latents: Shape = [shape[3], 2 + shape[0], shape[1], shape[2]]
            return OpCase("channels last \(latents) \(dtype)", bound) { try channelsLast($0, latents, dtype) }
        default:
            let (patch, width) = (1 + random.below(2), 1 + random.below(300))
            return OpCase("pixels \(width), patch \(patch), \(dtype)", 1e-9) { try pixels($0, patch, width, dtype) }
        }
    }
}
