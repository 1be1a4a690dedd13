import FoundationEssentials

/// The shapes that kernels are timed at: shapes.json, which torch_kernels.py reads too.
struct KernelShapes: Decodable {
    struct Attention: Decodable {
        let name: String
        let heads: Int
        let head_dim: Int
        let queries: Int
        let keys: Int
        /// Whether the last key stands for several, as a text's padding does.
        var raisesLast: Bool?

        private enum CodingKeys: String, CodingKey {
            case name, heads, head_dim, queries, keys
            case raisesLast = "raises_last"
        }

        var flops: Double { 4 * Double(queries) * Double(keys) * Double(heads * head_dim) }
    }

    struct Product: Decodable {
        let name: String
        let m: Int
        let n: Int
        let k: Int
        /// "none", "gelu", "add" or "gated_add"; the sums are f32.
        let epilogue: String
        /// "f32" where the result is no activation; bf16 else.
        var into: String?

        var flops: Double { 2 * Double(m) * Double(n) * Double(k) }
    }

    struct Convolution: Decodable {
        let name: String
        let height: Int
        let width: Int
        let inputs: Int
        let outputs: Int
        let kernel: [Int]
        /// Whether it adds to a shortcut, as a block's last does.
        var accumulates: Bool?

        private enum CodingKeys: String, CodingKey {
            case name, height, width, kernel, accumulates
            case inputs = "in"
            case outputs = "out"
        }

        /// Of one frame.
        var flops: Double {
            2 * Double(height * width) * Double(inputs * outputs) * Double(kernel.reduce(1, *))
        }
    }

    let attention: [Attention]
    let gemm: [Product]
    let convolution: [Convolution]
    /// What the ceilings are measured with; a test makes them small.
    var ceilings = Ceilings()

    struct Ceilings {
        var productSide = 8192
        var copiedElements = 1 << 30
    }

    private enum CodingKeys: String, CodingKey { case attention, gemm, convolution }
}

extension KernelShapes {
    init(path: String) throws {
        self = try JSONDecoder().decode(Self.self, from: Data(contentsOf: URL(filePath: path)))
    }
}
