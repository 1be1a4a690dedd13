import TestSupport
import TestTools
import Testing

@testable import Tokenizers

/// Damaged files must give an error or a tokenizer that works, and never stop the program.
@Suite(.bounded) struct MutationTests {
    private struct Damage {
        private var state: UInt64

        init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

        mutating func number(below limit: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(1, limit)
        }

        mutating func apply(to file: [UInt8]) -> [UInt8] {
            var bytes = file
            for _ in 0...number(below: 3) {
                let place = number(below: bytes.count)
                guard !bytes.isEmpty else { return bytes }
                switch number(below: 7) {
                case 0: bytes[place] = UInt8(number(below: 256))
                case 1: bytes[place] ^= 1 << UInt8(number(below: 8))
                case 2: bytes.removeSubrange(place..<min(bytes.count, place + 1 + number(below: 9)))
                case 3:
                    bytes.insert(
                        contentsOf: bytes[place..<min(bytes.count, place + 12)], at: number(below: bytes.count))
                case 4: bytes.removeSubrange(place...)
                case 5: bytes[place] = [0, 0x22, 0x2C, 0x5B, 0x5D, 0x7B, 0x7D, 0x7F, 0x80, 0xFF][number(below: 10)]
                default: bytes.insert(UInt8(ascii: "9"), at: place)
                }
            }
            return bytes
        }
    }

    private let prompt = "a red  circle <pad>MASK é e\u{301} ﬁ\u{301} 龘龘 \r\n▁ ½~"

    @Test func `four thousand damaged tokenizer files do no harm`() throws {
        let components = try Fixtures.decoded(Fixtures.Components.self, "components.json").tokenizers
        var accepted = 0
        for seed in 0..<4000 {
            var damage = Damage(seed: UInt64(seed))
            let file = damage.apply(to: Array(components[seed % components.count].file.utf8))
            guard let tokenizer = try? Tokenizer(json: file) else { continue }
            accepted += 1
            #expect(tokenizer.encode(prompt).allSatisfy { $0 >= 0 })
        }
        #expect(200..<3800 ~= accepted, "\(accepted) accepted: the damage should neither always nor never matter")
    }

    @Test func `four thousand damaged SentencePiece files do no harm`() throws {
        let file = try Fixtures.bytes(Fixture.path("sentencepiece.model"))
        var accepted = 0
        for seed in 0..<4000 {
            var damage = Damage(seed: UInt64(seed))
            guard let tokenizer = try? Tokenizer(sentencePiece: damage.apply(to: file)) else { continue }
            accepted += 1
            #expect(tokenizer.encode(prompt).allSatisfy { $0 >= 0 })
        }
        #expect(200..<3800 ~= accepted, "\(accepted) accepted: the damage should neither always nor never matter")
    }

    @Test func `every damaged character map is safe to use`() throws {
        let file = try Fixtures.bytes(Fixture.path("sentencepiece.model"))
        var reader = ProtobufReader(file, 0..<file.count)
        var map: [UInt8] = []
        while let (field, value) = try reader.next() {
            guard field == 3, case .bytes(let range) = value else { continue }
            var normalizer = ProtobufReader(file, range)
            while let (field, value) = try normalizer.next() {
                if field == 2, case .bytes(let range) = value { map = Array(file[range]) }
            }
        }
        #expect(map.count > 100)
        let text = NormalizedText(Array(prompt.utf8), firstCount: 1)
        for seed in 0..<4000 {
            var damage = Damage(seed: UInt64(seed))
            guard let map = try? CharacterMap(damage.apply(to: map)) else { continue }
            let result = map.apply(to: text).bytes
            #expect(String(validating: result, as: UTF8.self) != nil)
        }
    }

    @Test func `every truncated file is refused`() throws {
        let components = try Fixtures.decoded(Fixtures.Components.self, "components.json").tokenizers
        let file = Array(try #require(components.first { $0.name == "T5 as transformers 5 writes it" }).file.utf8)
        for count in stride(from: 0, to: file.count, by: 7) {
            #expect(throws: TokenizerError.self) { try Tokenizer(json: Array(file[..<count])) }
        }
    }
}
