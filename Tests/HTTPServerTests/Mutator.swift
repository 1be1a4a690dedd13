import Foundation

/// Damages bytes in the same way each time, so that a failure can be repeated.
struct Mutator {
    private let words: [[UInt8]]
    private var random: SplitMix64

    private struct SplitMix64: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
            return z ^ z >> 31
        }
    }

    init(seed: UInt64, words: [String]) {
        random = SplitMix64(state: seed)
        self.words = words.map { Array($0.utf8) }
    }

    /// How many mutants a test makes: `usual`, or what the environment says.
    static func count(_ usual: Int) -> Int {
        ProcessInfo.processInfo.environment["WAN_HTTP_MUTANTS"].flatMap(Int.init) ?? usual
    }

    /// One to eight changes: a bit, a byte, a cut, a doubled stretch, a word put in or over.
    mutating func mutant(of bytes: [UInt8]) -> [UInt8] {
        var bytes = bytes
        for _ in 0..<Int.random(in: 1...8, using: &random) {
            guard !bytes.isEmpty else { return bytes }
            let at = Int.random(in: 0..<bytes.count, using: &random)
            let end = min(bytes.count, at + Int.random(in: 1...40, using: &random))
            let word = words.randomElement(using: &random) ?? []
            switch Int.random(in: 0..<8, using: &random) {
            case 0: bytes[at] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 1, 2: bytes[at] = UInt8.random(in: 0...255, using: &random)
            case 3: bytes.removeSubrange(at..<end)
            case 4: bytes.insert(contentsOf: bytes[at..<end], at: Int.random(in: 0...bytes.count, using: &random))
            case 5: bytes.insert(contentsOf: word, at: at)
            case 6: bytes.replaceSubrange(at..<end, with: word)
            default: bytes.insert(UInt8.random(in: 0...255, using: &random), at: at)
            }
        }
        return bytes
    }

    mutating func mutant(of text: String) -> [UInt8] { mutant(of: Array(text.utf8)) }

    mutating func pick<T>(_ list: [T]) -> T? { list.randomElement(using: &random) }
}
