import Backends
import VideoProvider
import VideoTypes

/// Says what a clip would take and cost, without making it.
struct PlanCommand {
    let options: GenerateOptions
    let economics: Economics
    let apiDollarsPerSecond: Double?
    let program: Program
    let json: Bool

    init(_ arguments: ParsedArguments, program: Program) throws(VideoError) {
        options = try GenerateOptions(arguments)
        let values = OptionValues(arguments.values)
        economics = Economics(gpuDollarsPerHour: try values.dollars("gpu-dollars-per-hour") ?? 0)
        apiDollarsPerSecond = try values.dollars("api-dollars-per-second")
        self.program = program
        json = arguments.has("json")
    }

    func run() throws(VideoError) {
        let choice = try BackendChoice(options.device, threads: options.threads)
        for remark in choice.remarks { program.errors.write("wan-infer: \(remark)\n") }
        let engine = try VideoEngine(options.engine, backend: choice.backend)
        var request = options.request
        request.prompt = options.prompt ?? engine.samplePrompt
        let report = try PlanReport(
            plan: engine.plan(for: request), facts: engine.facts, time: TimeModel(prior: engine.facts),
            economics: economics, apiDollarsPerSecond: apiDollarsPerSecond)
        try program.output.print(json ? "\(report.json)" : report.text)
    }
}
