import Backends
import Compute
import Files
import JobStore
import Media
import VideoProvider
import VideoRouter
import VideoTypes

/// Compares what video costs on machines of one's own and at clouds.
struct EconomicsCommand {
    let options: GenerateOptions
    let money: EconomicsOptions
    let prices: PriceList
    /// Whose journal says how long clips took here; nil where no such place is known.
    let stateFolder: String?
    let svg: String?
    let program: Program
    let json: Bool

    init(_ arguments: ParsedArguments, program: Program) throws(VideoError) {
        options = try GenerateOptions(arguments)
        let values = OptionValues(arguments.values)
        money = try EconomicsOptions(values)
        prices = try Self.prices(values.text("prices"))
        stateFolder = values.text("state") ?? (try? StandardStateFolder.path())
        svg = values.text("svg")
        if let svg, !svg.lowercased().hasSuffix(".svg") {
            throw .invalid("--svg writes SVG, got '\(OptionValues.shown(svg))'", hint: "end the name in .svg")
        }
        self.program = program
        json = arguments.has("json")
    }

    private static func prices(_ path: String?) throws(VideoError) -> PriceList {
        do throws(RouterError) {
            return if let path { try PriceList.withFile(path) } else { try PriceList.builtIn() }
        } catch {
            throw .invalid(
                "\(error.message)",
                hint:
                    "a price is {\"cloud\", \"model\", \"currency\": \"USD\", \"date\", \"per\": \"second\", \"rates\"}"
            )
        }
    }

    func run() throws(VideoError) {
        let today = CalendarDay(days: CalendarDay.days(at: SystemClock.unix()))
        guard let today else {
            throw VideoError(.internalError, "this machine's clock shows no day after 1970", hint: "set its clock")
        }
        let report = try report(today)
        if let svg { try write(EconomicsPlot(report).text, to: svg) }
        try program.output.print(json ? "\(report.json)" : report.text)
    }

    private func write(_ text: String, to path: String) throws(VideoError) {
        do throws(MediaError) {
            let file = try PendingFile(try OutputTarget(path, isClip: false))
            try file.append(Array(text.utf8))
            try file.publish()
        } catch {
            throw error.videoError
        }
    }

    private func report(_ today: CalendarDay) throws(VideoError) -> EconomicsReport {
        let choice = try BackendChoice(options.device, threads: options.threads)
        for remark in choice.remarks(in: .command) { program.errors.write("wan-infer: \(remark)\n") }
        let planner = try VideoPlanner(options.engine.model)
        let facts =
            if case .published = options.engine.model {
                planner.facts(of: choice.backend, dtype: options.engine.dtype)
            } else { VideoEngine(options.engine, planner: planner, backend: choice.backend).facts }
        var request = options.request
        request.prompt = options.prompt ?? (request.referenceImages.isEmpty ? planner.samplePrompt : "")
        var time = TimeModel(prior: facts)
        if let stateFolder { time.learn(JobStore.samples(in: stateFolder, engine: time.key)) }
        return EconomicsReport(
            facts: facts, plans: try planner.growth(of: request, on: facts), time: time, money: money, prices: prices,
            today: today)
    }
}
