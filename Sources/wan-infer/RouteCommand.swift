import Files
import Threads
import VideoRouter
import VideoTypes

/// Makes a clip with the provider that serves the request best, or says which one that is.
struct RouteCommand {
    let request: VideoRequest
    let options: RoutingOptions
    let router: RouterOptions
    /// Nil for a name that is free.
    let output: String?
    let explains: Bool
    let isQuiet: Bool
    let program: Program
    let json: Bool

    init(_ arguments: ParsedArguments, program: Program) throws(VideoError) {
        let values = OptionValues(arguments.values, lists: arguments.lists)
        router = try RouterOptions(values, option: "config", command: .route)
        var options = RoutingOptions(provider: values.text("provider"))
        options.allowsPromise = arguments.has("promise")
        self.options = options
        let typed = arguments.prompt ?? values.text("prompt")
        var request = try GenerateOptions.request(arguments, over: VideoRequest(prompt: typed ?? ""))
        if typed == nil, request.referenceImages.isEmpty {
            request.prompt = try StandardInput(descriptor: 0).prompt() ?? ""
        }
        if request.referenceImages.isEmpty || !request.prompt.isEmpty {
            guard request.prompt.contains(where: { !$0.isWhitespace }) else {
                throw .invalid("there is no prompt", hint: "wan-infer route \"a cat\" --config router.json")
            }
        }
        self.request = request
        output = values.text("output")
        explains = arguments.has("explain")
        guard !explains || !options.allowsPromise else {
            throw .invalid("--explain orders nothing, and --promise keeps an order", hint: "leave one of them out")
        }
        isQuiet = arguments.has("quiet")
        self.program = program
        json = arguments.has("json")
    }

    func run() throws(VideoError) {
        guard !explains else { return try explain() }
        // Before anything is paid for.
        let target = try RoutedClip.target(output)
        let fleet = try router.fleet(for: .work)
        tellRemarks(of: fleet)
        let errors = program.errors
        let display = Monitor(ProgressDisplay(style, clock: SystemClock.monotonic) { errors.write($0) })
        let (request, options) = (request, options)
        let result = AwaitedValue.of(isUnwanted: Interrupt.asked) {
            await Self.outcome(request, options, fleet) { step in display.change { $0.show(step) } }
        }
        display.change { $0.finish() }
        switch try routed({ () throws(RouterError) in try result.get() }) {
        case .done(let clip): try tell(clip, target, nil, fleet)
        case .empty(let clip, let reason):
            note("the best clip that was to be had shows nothing: \(reason)")
            try tell(clip, target, reason, fleet)
        case .promised(let promise): try tell(promise)
        }
    }

    private static func outcome(
        _ request: VideoRequest, _ options: RoutingOptions, _ fleet: RouterFleet,
        _ progress: @escaping @Sendable (VideoProgress) -> Void
    ) async -> Result<RoutingOutcome, RouterError> {
        do throws(RouterError) {
            return .success(try await fleet.router.generate(request, options: options, progress: progress))
        } catch {
            guard error.code == .cancelled else { return .failure(error) }
            let ends = await fleet.stopped(request.id)
            let text = ends.isEmpty ? "" : ": " + ends.joined(separator: "; ")
            return .failure(RouterError(.cancelled, "cancelled\(text)", providers: error.providers))
        }
    }

    private var style: ProgressDisplay.Style {
        if isQuiet { return .none }
        return program.errors.isLive ? .live(columns: program.errors.columns) : .plain
    }

    private func note(_ text: String) {
        if !isQuiet { program.errors.write("wan-infer: \(text)\n") }
    }

    private func tellRemarks(of fleet: RouterFleet) {
        for remark in AwaitedValue.of({ await fleet.remarks }) { note(remark) }
        let open = fleet.book?.openCount ?? 0
        guard open > 0 else { return }
        let orders = open == 1 ? "order" : "orders"
        note("\(open) \(orders) of earlier runs may still bring a clip: promises --keep fetches it")
    }

    // MARK: Telling

    private func explain() throws(VideoError) {
        let fleet = try router.fleet(for: .look)
        for remark in AwaitedValue.of({ await fleet.remarks }) { note(remark) }
        let (request, options) = (request, options)
        let result = AwaitedValue.of {
            do throws(RouterError) {
                return Result<[ProviderFinding], RouterError>.success(
                    try await fleet.router.explain(request, options: options))
            } catch {
                return .failure(error)
            }
        }
        let findings = try routed { () throws(RouterError) in try result.get() }
        guard !json else {
            return try program.output.print(
                JSONText.object([("providers", .array(findings.map(\.json)))]).description)
        }
        try program.output.print(RankingTable(findings).text)
    }

    private func tell(
        _ clip: VideoResult, _ target: RoutedClip.Target, _ emptiness: String?, _ fleet: RouterFleet
    ) throws(VideoError) {
        let taken = try RoutedClip.take(clip, to: target)
        fleet.book?.moved(clip.path, to: taken.path)
        let report = RoutedReport(request: request, clip: clip, file: taken, emptiness: emptiness)
        if json {
            try program.output.print("\(report.json)")
        } else if !isQuiet {
            try program.output.print(report.text)
        }
    }

    private func tell(_ promise: VideoPromise) throws(VideoError) {
        if json {
            try program.output.print(JSONText.object([("promise", promise.json)]).description)
        } else if !isQuiet {
            try program.output.print(PromiseList.text(of: promise, at: SystemClock.unix()))
        }
    }
}
