import TestTools
import Testing

@testable import Tokenizers

@Suite(.bounded) struct PromptCleaningTests {
    private func scalars(_ text: String) -> [UInt32] { text.unicodeScalars.map(\.value) }

    @Test func `prompts come out as the Wan pipeline cleans them`() throws {
        let pairs = try Fixtures.decoded(Fixtures.Cleaning.self, "cleaning.json").pairs
        #expect(pairs.count > 1000)
        for pair in pairs {
            let clean = PromptCleaning.clean(pair[0])
            // Scalar by scalar: strings also count as equal when only their normal forms are.
            #expect(scalars(clean) == scalars(pair[1]), "\(pair[0].debugDescription) became \(clean.debugDescription)")
        }
    }

    @Test func `an ordinary prompt stays as it is`() {
        let prompt = "A cat walks on the grass, realistic style. 一只猫在草地上走。Кот идёт по траве."
        #expect(PromptCleaning.clean(prompt) == prompt)
        #expect(PromptCleaning.clean("") == "")
    }

    @Test func `full-width forms and curly quotes are made plain`() {
        #expect(PromptCleaning.clean("色调艳丽，过曝。“ＡＢ”\u{3000}c") == "色调艳丽,过曝。\"AB\" c")
    }

    @Test func `a long line of nested references comes to an end`() {
        let nested = "&" + String(repeating: "amp;", count: 500) + "lt;"
        #expect(PromptCleaning.clean(nested) == "<")
    }
}
