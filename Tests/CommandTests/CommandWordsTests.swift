import TestTools
import Testing
import VideoTypes

@testable import wan_infer

/// Hints name options that there are, with the values that they take.
@Suite(.bounded) struct CommandWordsTests {
    @Test func `a term is an option, a command, or not to be had here`() {
        for term in Term.allCases {
            guard let words = Vocabulary.command.spelled(term) else { continue }
            if words.hasPrefix("--") {
                #expect(CommandOption.all.contains { "--\($0.name)" == words })
            } else {
                let command = words.split(separator: " ").last.flatMap { Command(rawValue: String($0)) }
                #expect(words.hasPrefix("wan-infer ") && command != nil, "\(words)")
            }
        }
    }

    @Test func `options that a request has are spelled, switches without a value`() {
        #expect(Vocabulary.command.spelled(.frames, "33") == "--frames 33")
        #expect(Vocabulary.command.spelled(.tilesVAE, "true") == "--vae-tiling")
        #expect(Vocabulary.command.spelled(.guidanceScale2) == "--guidance-2")
        #expect(Vocabulary.command.spelled(.doctor) == "wan-infer doctor")
        #expect(Vocabulary.command.spelled(.maxCost, "2") == "--max-cost 2")
        #expect(Vocabulary.command.spelled(.extras) == nil)
    }

    @Test func `names of somebody else's making give a terminal no orders`() {
        let error = VideoError(.modelNotFound, plain: "a\u{1B}[31m\u{7}b\nc: no file", hint: "look at 'a\u{9B}2Jb'")
        #expect(
            error.text
                == "wan-infer: error: a\\u{1b}[31m\\u{7}b\\u{a}c: no file\n  hint: look at 'a\\u{9b}2Jb'\n")
    }

    /// What a hint says to type is typed.
    @Test(arguments: [
        (Term.device, "cpu"), (.dtype, "f32"), (.threads, "1"), (.tilesVAE, "true"), (.scheduler, "unipc"),
    ])
    func `what a hint says can be followed`(term: Term, value: String) throws {
        let words = try #require(Vocabulary.command.spelled(term, value)).split(separator: " ").map(String.init)
        _ = try GenerateOptions(ParsedArguments(["x"] + words))
    }
}
