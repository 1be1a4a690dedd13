/// What a key of an adapter's file is for, told by its end: trainers agree on meanings, not on spellings.
enum AdapterRole: Sendable, Hashable {
    /// `[rank, in]`, the first factor to meet an activation.
    case down
    /// `[out, rank]`
    case up
    /// A bias of the second factor.
    case upBias
    /// What the product is scaled by, times the rank.
    case alpha
    /// A whole difference to a weight, or to a parameter without one.
    case weight
    case bias
    /// A whole difference to the parameter `modulation` of a module.
    case modulation

    private static let table: [(suffix: String, role: AdapterRole)] = {
        let downs = ["lora_A", "lora_down", "lora.down", "lora_linear_layer.down"]
        let ups = ["lora_B", "lora_up", "lora.up", "lora_linear_layer.up"]
        let pairs = [(downs, AdapterRole.down), (ups, .up)].flatMap { (words, role) in
            words.flatMap { [".\($0)", ".\($0).weight", ".\($0).default.weight"] }.map { (suffix: $0, role: role) }
        }
        return pairs + [
            ("_lora.down.weight", .down), ("_lora.up.weight", .up), (".lora_B.bias", .upBias),
            (".lora_B.default.bias", .upBias), (".lora_up.bias", .upBias), (".alpha", .alpha), (".diff", .weight),
            (".w_norm", .weight), (".diff_b", .bias), (".b_norm", .bias), (".diff_m", .modulation),
        ]
    }()

    /// The module that a key is for, as the file names it; nil where the key ends in no known way.
    static func split(_ key: String) -> (module: String, role: AdapterRole)? {
        guard let row = table.first(where: { key.hasSuffix($0.suffix) }) else { return nil }
        return (String(key.dropLast(row.suffix.count)), row.role)
    }

    /// By the beginning of a word between dots.
    private static let foreign: [(word: String, kind: String)] = [
        ("dora_", "DoRA"), ("lora_magnitude_vector", "DoRA"), ("lokr_", "LoKr"), ("hada_", "LoHa"),
        ("lora_mid", "LoCon with a Tucker core"), ("oft_", "OFT"), ("boft_", "BOFT"), ("vera_", "VeRA"),
        ("ia3_", "IA3"), ("lora_embedding_", "LoRA of an embedding"), ("set_weight", "replacement of weights"),
        ("reshape_weight", "change of shapes"),
    ]

    /// The kind of adapter that is not applied here and that a key belongs to; nil for any other key.
    static func foreignKind(_ key: String) -> String? {
        let words = key.split(separator: ".")
        return foreign.first { row in words.contains { $0.hasPrefix(row.word) } }?.kind
    }
}
