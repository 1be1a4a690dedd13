/// What is asked of the program: a subcommand and its options.
struct BenchCommand {
    /// What cannot be understood.
    struct UsageError: Error, Equatable, CustomStringConvertible {
        let description: String
    }

    static let usage = """
        gpu-bench facts
        gpu-bench ops [--quick] [--random N] [--seed N]
        gpu-bench goldens FIXTURES
        gpu-bench kernels SHAPES.json [--repeats N]
        gpu-bench models REAL-SHAPES.json TOKENIZER [--only NAME[,NAME]] [--steps N]
        each with --out FOLDER for its JSON, --cache FOLDER for compiled kernels, --device N
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
            case .facts, .goldens: []
            case .ops: ["--quick", "--random", "--seed"]
            case .kernels: ["--repeats"]
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
        let known = subcommand.options.union(["--out", "--cache", "--device"])
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
        for option in ["--random", "--seed", "--repeats", "--steps", "--device"] {
            guard let value = values[option] else { continue }
            guard let number = Int(value), number >= 0 else {
                throw UsageError(description: "\(option) takes a whole number, got \(value)")
            }
        }
    }

    func number(_ option: String, otherwise value: Int) -> Int { values[option].flatMap { Int($0) } ?? value }

    var isQuick: Bool { values["--quick"] != nil }
    var only: [String]? { values["--only"]?.split(separator: ",").map(String.init) }

    /// Whether everything that was checked is right, and everything that was measured ran.
    func run(on machine: GPUMachine, output: BenchOutput? = nil) throws -> Bool {
        let output = output ?? BenchOutput(folder: values["--out"])
        var machine = machine
        machine.ordinal = number("--device", otherwise: 0)
        if let folder = values["--cache"] { machine.cacheFolder = folder }
        switch subcommand {
        case .facts:
            try FactsReport(machine: machine, output: output).run()
            return true
        case .ops:
            return try OpsReport(
                machine: machine, output: output, random: number("--random", otherwise: isQuick ? 3 : 100),
                seed: number("--seed", otherwise: 1), isQuick: isQuick
            ).run()
        case .goldens: return try GoldensReport(machine: machine, output: output, folder: paths[0]).run()
        case .kernels:
            return try KernelsReport(
                machine: machine, output: output, shapes: KernelShapes(path: paths[0]),
                repeats: max(1, number("--repeats", otherwise: 15))
            ).run()
        case .models:
            return try ModelsReport(
                machine: machine, output: output, library: RandomModels(shapes: paths[0], tokenizer: paths[1]),
                only: only, steps: number("--steps", otherwise: 8)
            ).run()
        }
    }
}
