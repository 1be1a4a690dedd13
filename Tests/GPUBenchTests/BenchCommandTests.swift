import TestTools
import Testing

@testable import GPUBench

@Suite(.bounded) struct BenchCommandTests {
    @Test func `options and paths come in any order`() throws {
        let command = try BenchCommand(["models", "a.json", "--only", "x,y", "b", "--steps", "4"])
        #expect(command.subcommand == .models && command.paths == ["a.json", "b"])
        #expect(command.only == ["x", "y"] && command.number("--steps", otherwise: 8) == 4)
        #expect(try BenchCommand(["ops", "--quick"]).isQuick)
    }

    @Test(arguments: [
        [], ["sing"], ["facts", "a"], ["goldens"], ["ops", "--steps", "3"], ["ops", "--random"],
        ["ops", "--seed", "-1"],
        ["kernels", "a.json", "--repeats", "x"],
    ])
    func `what makes no sense is refused`(_ words: [String]) {
        #expect(throws: BenchCommand.UsageError.self) { try BenchCommand(words) }
    }

    @Test func `numbers are shown with a fixed number of digits`() {
        #expect(shown(1.005) == "1.00" || shown(1.005) == "1.01")
        #expect(shown(-0.25, 1) == "-0.3" && shown(12, 0) == "12" && shown(0.07, 3) == "0.070")
        #expect(shown(.infinity) == "inf" && shown(-0.001) == "0.00")
        #expect(median([3, 1, 2]) == 2 && median([4, 1]) == 2.5 && median([]).isNaN)
    }
}
