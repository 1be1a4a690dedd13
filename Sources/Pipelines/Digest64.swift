/// FNV-1a, taken over words as over bytes: each step is a bijection, so a single changed word always shows.
///
/// Guards against accidents, not against intent.
struct Digest64 {
    private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

    mutating func add(_ words: some Sequence<UInt64>) {
        for word in words { value = (value ^ word) &* 0x0000_0100_0000_01b3 }
    }

    mutating func add(_ bytes: some Sequence<UInt8>) { add(bytes.lazy.map { UInt64($0) }) }
}
