import ComputeCUDA

#if canImport(Glibc)
import Glibc
#endif

/// What is asked of the program: a subcommand and its options.
struct BenchCommand {
    /// What cannot be understood.
    struct UsageError: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    static let usage = """
        gpu-bench facts
        gpu-bench ops [--only GROUP[,GROUP]] [--matching TEXT] [--quick] [--random N] [--seed N]
        gpu-bench goldens FIXTURES [--only NAME[,NAME]]
        gpu-bench kernels SHAPES.json [--only KIND[,KIND]] [--repeats N]
        gpu-bench models REAL-SHAPES.json TOKENIZER [--only NAME[,NAME]] [--steps N]
        each with --out FOLDER for its JSON, --part NAME for the JSON's second name, --cache FOLDER for compiled kernels,
        --device N, --servers portable|warpgroups|all, --patience SECONDS (20) before a GPU that does not answer
        ends the program with status 3
        """

    enum Subcommand: String {
        case facts, ops, goldens, kernels, models

        var paths: Int {
            switch self {
            case .facts, .ops: 0
            case .goldens, .kernels: 1
            case .models: 2
            }
        }

        var options: Set<String> {
            switch self {
            case .facts: []
            case .goldens: ["--only"]
            case .ops: ["--only", "--matching", "--quick", "--random", "--seed"]
            case .kernels: ["--only", "--repeats"]
            case .models: ["--only", "--steps"]
            }
        }
    }

    let subcommand: Subcommand
    let paths: [String]
    private let values: [String: String]

    init(_ words: some Sequence<String>) throws(UsageError) {
        var words = Array(words)[...]
        guard let name = words.popFirst(), let subcommand = Subcommand(rawValue: name) else {
            throw UsageError(description: "which of these?\n\(Self.usage)")
        }
        let known = subcommand.options.union(["--out", "--part", "--cache", "--device", "--servers", "--patience"])
        var paths: [String] = []
        var values: [String: String] = [:]
        while let word = words.popFirst() {
            guard word.hasPrefix("--") else {
                paths.append(word)
                continue
            }
            guard known.contains(word) else { throw UsageError(description: "\(name) has no \(word)\n\(Self.usage)") }
            if word == "--quick" {
                values[word] = ""
            } else {
                guard let value = words.popFirst() else { throw UsageError(description: "\(word) needs a value") }
                values[word] = value
            }
        }
        guard paths.count == subcommand.paths else {
            throw UsageError(description: "\(name) takes \(subcommand.paths) paths, got \(paths)")
        }
        self.subcommand = subcommand
        self.paths = paths
        self.values = values
        for option in ["--random", "--seed", "--repeats", "--steps", "--device", "--patience"] {
            guard let value = values[option] else { continue }
            guard let number = Int(value), number >= 0 else {
                throw UsageError(description: "\(option) takes a whole number, got \(value)")
            }
        }
    }

    func number(_ option: String, otherwise value: Int) -> Int { values[option].flatMap { Int($0) } ?? value }

    var isQuick: Bool { values["--quick"] != nil }
    var only: [String]? { values["--only"]?.split(separator: ",").map(String.init) }

    /// Whose kernels are used beside the portable ones.
    private var servers: CUDABackend.Servers {
        get throws(UsageError) {
            switch values["--servers"] {
            case nil, "all": [.warpgroups, .library]
            case "warpgroups": [.warpgroups]
            case "portable": []
            case let other?: throw UsageError(description: "--servers takes portable, warpgroups or all, got \(other)")
            }
        }
    }

    /// Whether everything that was checked is right, and everything that was measured ran.
    func run(on machine: GPUMachine, output: BenchOutput? = nil) throws -> Bool {
        let output = output ?? BenchOutput(folder: values["--out"], part: values["--part"])
        var machine = machine
        machine.ordinal = number("--device", otherwise: 0)
        machine.servers = try servers
        machine.watchdog = Watchdog(
            patience: .seconds(number("--patience", otherwise: 20)), file: values["--out"].map { "\($0)/current.txt" })
        if let folder = values["--cache"] { machine.cacheFolder = folder }
        let context = try machine.context()
        return try withExtendedLifetime(context) { try report(machine, output) }
    }

    private func report(_ machine: GPUMachine, _ output: BenchOutput) throws -> Bool {
        switch subcommand {
        case .facts: try FactsReport(machine: machine, output: output).run()
        case .ops:
            try OpsReport(
                machine: machine, output: output, random: number("--random", otherwise: isQuick ? 3 : 100),
                seed: number("--seed", otherwise: 1), isQuick: isQuick, only: only, matching: values["--matching"]
            ).run()
        case .goldens: try GoldensReport(machine: machine, output: output, folder: paths[0], only: only).run()
        case .kernels:
            try KernelsReport(
                machine: machine, output: output, shapes: KernelShapes(path: paths[0]),
                repeats: max(1, number("--repeats", otherwise: 15)), only: only
            ).run()
        case .models:
            try ModelsReport(
                machine: machine, output: output, library: RandomModels(shapes: paths[0], tokenizer: paths[1]),
                only: only, steps: number("--steps", otherwise: 8)
            ).run()
        }
    }
}

/// Does what the command line asks of this GPU; ends the process.
///
/// 0: all is right and was measured; 1: something is wrong; 2: it cannot be done; 3: the GPU does not answer.
package func runBenchmark(on machine: GPUMachine = .here()) -> Never {
    do {
        exit(try BenchCommand(CommandLine.arguments.dropFirst()).run(on: machine) ? 0 : 1)
    } catch {
        BenchOutput.complain("gpu-bench: \(error)")
        exit(2)
    }
}
