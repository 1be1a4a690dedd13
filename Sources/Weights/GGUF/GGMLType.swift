import Compute

/// GGML's types of tensors, by their numbers in files.
enum GGMLType {
    /// One that can be read, or at least measured: numbers of a block, and its bytes.
    struct Layout {
        /// As a file of safetensors calls the same elements, or GGML does.
        let name: String
        let numbers: Int
        let bytes: Int
    }

    static func layout(_ number: UInt32) -> Layout? {
        if let quantisation = quantisations[number] {
            return Layout(
                name: quantisation.rawValue, numbers: quantisation.blockCount, bytes: quantisation.blockBytes)
        }
        return dense[number].map { Layout(name: $0.name, numbers: 1, bytes: $0.width) }
    }

    private static let dense: [UInt32: (name: String, width: Int)] = [
        0: ("F32", 4), 1: ("F16", 2), 24: ("I8", 1), 25: ("I16", 2), 26: ("I32", 4), 27: ("I64", 8), 28: ("F64", 8),
        30: ("BF16", 2),
    ]

    private static let quantisations: [UInt32: Quantisation] = [
        2: .q4_0, 3: .q4_1, 6: .q5_0, 7: .q5_1, 8: .q8_0, 10: .q2K, 11: .q3K, 12: .q4K, 13: .q5K, 14: .q6K,
        20: .iq4NL, 23: .iq4XS,
    ]

    /// What GGML calls a type that is not read here; nil where it has none of the number.
    static func otherName(_ number: UInt32) -> String? {
        let names: [UInt32: String] = [
            4: "Q4_2", 5: "Q4_3", 9: "Q8_1", 15: "Q8_K", 16: "IQ2_XXS", 17: "IQ2_XS", 18: "IQ3_XXS", 19: "IQ1_S",
            21: "IQ3_S", 22: "IQ2_S", 29: "IQ1_M", 31: "Q4_0_4_4", 32: "Q4_0_4_8", 33: "Q4_0_8_8", 34: "TQ1_0",
            35: "TQ2_0", 36: "IQ4_NL_4_4", 37: "IQ4_NL_4_8", 38: "IQ4_NL_8_8", 39: "MXFP4",
        ]
        return names[number]
    }
}
