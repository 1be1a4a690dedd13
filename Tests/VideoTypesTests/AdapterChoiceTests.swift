import TestTools
import Testing
import VideoTypes

/// How a LoRA is asked for in one word.
@Suite(.bounded) struct AdapterChoiceTests {
    @Test(arguments: [
        ("style", AdapterChoice("style")), ("style:0.8", AdapterChoice("style", strength: 0.8)),
        ("a:b/c.safetensors:-1.5", AdapterChoice("a:b/c.safetensors", strength: -1.5)),
        ("high=x", AdapterChoice("x", expert: .high)), ("low=x:2", AdapterChoice("x", strength: 2, expert: .low)),
        ("both=high=x", AdapterChoice("high=x", expert: .both)), ("HIGH=x", AdapterChoice("HIGH=x")),
        ("x:0.5@2-4", AdapterChoice("x", strength: 0.5, steps: 2...4)), ("x@3", AdapterChoice("x", steps: 3...3)),
        ("x@7-", AdapterChoice("x", steps: 7...1000)), ("a@b.c/x", AdapterChoice("a@b.c/x")),
        ("x@4-2", AdapterChoice("x@4-2")), ("x@0", AdapterChoice("x@0")), ("x@5000-", AdapterChoice("x@5000-")),
        ("x@1-99999999999999999999", AdapterChoice("x@1-99999999999999999999")), ("x:", AdapterChoice("x:")),
    ]) func `a word says file, strength, expert and steps`(_ text: String, _ expected: AdapterChoice) {
        let found = AdapterChoice(text)
        #expect(found == expected)
        #expect(found.map { AdapterChoice($0.description) } == expected)
    }

    @Test(arguments: ["", ":1", "high=", "low=:0.5", "@1-4", "both=:1@3"]) func `a word without a file is none`(
        _ text: String
    ) {
        #expect(AdapterChoice(text) == nil)
    }

    @Test func `an input serves its steps and experts`() {
        let input = AdapterInput(name: "a", digest: "", strength: 1, expert: .low, steps: 2...3)
        #expect((0..<5).map(input.serves) == [false, true, true, false, false])
        #expect(!input.expert.includes(0) && input.expert.includes(1))
        #expect(AdapterExpert.both.includes(0) && AdapterExpert.high.includes(0) && !AdapterExpert.high.includes(1))
    }
}
