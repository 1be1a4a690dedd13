import TestTools
import Testing
import VideoTypes

@testable import wan_infer

@Suite(.bounded) struct ParsedArgumentsTests {
    private func parse(_ line: String) throws -> ParsedArguments {
        try ParsedArguments(line.split(separator: " ").map(String.init))
    }

    private func failure(_ words: String...) -> String {
        do throws(VideoError) {
            _ = try ParsedArguments(words)
            return "accepted"
        } catch {
            return error.text
        }
    }

    @Test func `values come with a space or an equals sign`() throws {
        let spaced = try parse("--steps 30 --frames 81")
        #expect(spaced == (try parse("--steps=30 --frames=81")))
        #expect(spaced.values == ["steps": "30", "frames": "81"])
        #expect(spaced.command == .generate && spaced.prompt == nil)
        #expect(try parse("--prompt=a=b").values == ["prompt": "a=b"])
        #expect(try parse("--prompt= --json").values == ["prompt": ""])
        #expect(try parse("--seed -1").values == ["seed": "-1"])
    }

    @Test func `the first word may be a command, later ones and those after two dashes are the prompt`() throws {
        #expect(try parse("doctor --json").command == .doctor)
        #expect(try parse("models").command == .models)
        #expect(try parse("generate doctor").prompt == "doctor")
        #expect(try parse("--steps 3 doctor").prompt == "doctor")
        #expect(try parse("-- doctor").prompt == "doctor")
        #expect(try parse("--steps 3 -- --help").prompt == "--help")
        #expect(try parse("").prompt == nil)
    }

    @Test func `switches are known`() throws {
        let arguments = try parse("--json --quiet x --vae-tiling")
        #expect(arguments.has("json") && arguments.has("quiet") && arguments.has("vae-tiling"))
        #expect(!arguments.has("verbose"))
        #expect(arguments.prompt == "x")
    }

    @Test func `a slip of the finger gets the nearest option`() {
        let nearest = [
            "--stpes": "steps", "--step": "steps", "-h": "help", "--guidence": "guidance", "--out": "output",
            "--FRAMES": nil, "--fsp": "fps", "-o": "output", "--zzzz": nil, "-": nil, "--cuda": nil, "--": nil,
        ]
        for (word, option) in nearest where word != "--" {
            let hint = option.map { "did you mean --\($0)?" } ?? "wan-infer --help lists the options"
            #expect(failure(word) == "wan-infer: error: unknown option '\(word)'\n  hint: \(hint)\n")
        }
        #expect(failure("--" + String(repeating: "x", count: 100_000)).contains("unknown option"))
    }

    @Test func `mistakes are named`() {
        #expect(failure("--steps").hasPrefix("wan-infer: error: --steps needs a value\n"))
        #expect(failure("--steps", "--json").hasPrefix("wan-infer: error: --steps needs a value\n"))
        #expect(failure("--steps", "3", "--steps=4").contains("--steps is given twice"))
        #expect(failure("--json", "--json").contains("--json is given twice"))
        #expect(failure("--json=yes").contains("--json takes no value, got 'yes'"))
        #expect(failure("a", "circle").contains("unexpected 'circle' after the prompt"))
        #expect(failure("a", "--prompt", "b").contains("the prompt is given twice"))
        #expect(failure("doctor", "--steps", "3").contains("--steps does not belong to 'doctor'"))
        #expect(failure("doctor", "who").contains("doctor takes no 'who'"))
        // It is an option, but not of this command.
        #expect(failure("x", "--aspect-ratio", "16:9").contains("--aspect-ratio does not belong to 'generate'"))
        #expect(failure("x", "--aspect-ratio", "16:9").contains("it is for route; wan-infer help generate lists"))
    }

    @Test func `distances count insertions, deletions and replacements`() {
        #expect(ParsedArguments.distance("", "abc") == 3)
        #expect(ParsedArguments.distance("kitten", "sitting") == 3)
        #expect(ParsedArguments.distance("steps", "steps") == 0)
    }

    @Test func `words of other programs are told what they are here`() throws {
        for (word, command) in [
            "pull": "wan-infer models pull NAME", "Download": "wan-infer models pull NAME",
            "ls": "wan-infer models list", "run": "wan-infer generate \"PROMPT\"", "Generate": "wan-infer generate",
            "modles": nil,
            "model": "wan-infer models", "planet": nil, "men": nil, "a cat": nil,
        ] as [String: String?] {
            #expect(Command.meant(by: word) == command, "\(word)")
            let error = #expect(throws: VideoError.self) { try ParsedArguments([word, "x"]) }
            let hint = command.map { "the command is: \($0)" } ?? "put the whole prompt in quotes"
            #expect(error?.commandHint == hint, "\(word)")
        }
    }
}
