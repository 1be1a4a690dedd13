/// How much of a model leaves a device's memory while clips are made: each word leaves more than the one before, takes
/// less memory and more time.
package enum Offload: String, Sendable, Hashable, Codable, CaseIterable {
    /// All networks stay from clip to clip.
    case none
    /// What reads text and pictures leaves when it has.
    case text
    /// One network is there at a time, so that experts take turns.
    case networks
    /// The same, and of the networks that have many blocks alike some blocks take turns.
    case blocks
}

/// What somebody says of the memory that clips may take.
package struct MemoryTerms: Sendable, Hashable {
    /// At most so many bytes of it, weights that are used where they lie on disk included; nil for what is free.
    package var limitBytes: Int?
    /// What leaves it; nil for as little as need be.
    package var offload: Offload?
    /// Whether weights keep their own numbers, LoRAs beside them, for clips that want others.
    package var keepsWeights: Bool

    package init(limitBytes: Int? = nil, offload: Offload? = nil, keepsWeights: Bool = false) {
        self.limitBytes = limitBytes
        self.offload = offload
        self.keepsWeights = keepsWeights
    }

    /// Whether nobody has said how much that may be.
    package var areFree: Bool { limitBytes == nil && offload == nil }
}
