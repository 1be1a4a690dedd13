import Foundation
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

    /// The built program: what an example says is tried by it on the model inside.
    @Test(arguments: ["frames", "width", "height", "steps", "fps", "threads"])
    func `the example of a whole number is one that works`(name: String) throws {
        let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("wan-infer").path
        let refused = try Subprocess(path, ["plan", "--\(name)", "many", "x", "--device", "cpu"])
        #expect(refused.status == 2)
        let words = try #require(refused.errors.firstMatch(of: /example: (--[a-z]+) ([0-9]+)/)?.output)
        let followed = try Subprocess(path, ["plan", String(words.1), String(words.2), "x", "--device", "cpu"])
        #expect(followed.status == 0, "\(followed.errors)")
    }

    @Test(arguments: [("5", 5), ("5.0", 5), ("50e-1", 5), ("+5", 5), ("05", 5), ("1e1", 10)])
    func `whole numbers are whole in any guise`(text: String, number: Int) throws {
        let values = OptionValues(["steps": text])
        #expect(try values.integer("steps") == number)
        let options = try GenerateOptions(ParsedArguments(["x", "--seed", text]))
        #expect(try options.request(over: VideoRequest(prompt: "")).seed == UInt64(number))
    }

    @Test(arguments: [("5.5", "must be a whole number"), ("99999999999999999999", "is too large")])
    func `others are called what they are`(text: String, problem: String) {
        let error = #expect(throws: VideoError.self) { try OptionValues(["frames": text]).integer("frames") }
        #expect(error?.text.contains("--frames \(problem), got '\(text)'") == true)
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
