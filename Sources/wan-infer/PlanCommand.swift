import Backends
import Compute
import JobStore
import Pipelines
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
        stateFolder = values.text("state") ?? (try? StandardStateFolder.path())
        self.program = program
        json = arguments.has("json")
    }

    func run() throws(VideoError) {
        let choice = try BackendChoice(options.device, threads: options.threads)
        for remark in choice.remarks(in: .command) { program.errors.write("wan-infer: \(remark)\n") }
        let (plan, facts, residency) = try plan(on: choice.backend)
        var time = TimeModel(prior: facts)
        if let stateFolder { time.learn(JobStore.samples(in: stateFolder, engine: time.key)) }
        let report = PlanReport(
            plan: plan, facts: facts, residency: residency, time: time, economics: economics,
            apiDollarsPerSecond: apiDollarsPerSecond,
            isOfPublishedNumbers: isOfPublishedNumbers)
        try program.output.print(json ? "\(report.json)" : report.text)
    }

    private var isOfPublishedNumbers: Bool { if case .published = options.engine.model { true } else { false } }

    private func plan(on backend: any Backend) throws(VideoError) -> (ClipPlan, EngineFacts, ResidencyPlan) {
        var request = options.request
        guard isOfPublishedNumbers else {
            let engine = try VideoEngine(options.engine, backend: backend)
            request.prompt = options.prompt ?? (request.referenceImages.isEmpty ? engine.samplePrompt : "")
            for remark in try engine.order(request).remarks { program.errors.write("wan-infer: \(remark)\n") }
            let plan = try engine.plan(for: request)
            return (plan, engine.facts, engine.residency(plan.settings))
        }
        let planner = try VideoPlanner(options.engine.model)
        request.prompt = options.prompt ?? planner.samplePrompt
        let facts = planner.facts(of: backend, dtype: options.engine.dtype, options.engine.memory)
        let plan = try planner.plan(forecasting: request, on: facts)
        return (plan, facts, planner.residency(plan.settings, on: facts))
    }
}
