import Backends
import JobStore
import VideoProvider
import VideoTypes

/// Says what a clip would take and cost, without making it.
struct PlanCommand {
    let options: GenerateOptions
    let economics: Economics
    let apiDollarsPerSecond: Double?
    /// Whose journal says how long clips took here; nil where no such place is known.
    let stateFolder: String?
    let program: Program
    let json: Bool

    init(_ arguments: ParsedArguments, program: Program) throws(VideoError) {
        options = try GenerateOptions(arguments)
        let values = OptionValues(arguments.values)
        economics = Economics(gpuDollarsPerHour: try values.dollars("gpu-dollars-per-hour") ?? 0)
        apiDollarsPerSecond = try values.dollars("api-dollars-per-second")
        stateFolder = values.text("state") ?? (try? StateFolder.standard())
        self.program = program
        json = arguments.has("json")
    }

    func run() throws(VideoError) {
        let choice = try BackendChoice(options.device, threads: options.threads)
        for remark in choice.remarks { program.errors.write("wan-infer: \(remark)\n") }
        let engine = try VideoEngine(options.engine, backend: choice.backend)
        var request = options.request
        request.prompt = options.prompt ?? engine.samplePrompt
        var time = TimeModel(prior: engine.facts)
        if let stateFolder { time.learn(JobStore.samples(in: stateFolder, engine: time.key)) }
        let report = try PlanReport(
            plan: engine.plan(for: request), facts: engine.facts, time: time, economics: economics,
            apiDollarsPerSecond: apiDollarsPerSecond)
        try program.output.print(json ? "\(report.json)" : report.text)
    }
}
