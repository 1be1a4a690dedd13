import VideoTypes

/// One run of the program, from words to exit status.
struct Program {
    let output: Console
    let errors: Console

    func run(_ words: [String?]) -> Int32 {
        do throws(VideoError) {
            try execute(CommandLineWords.checked(words))
            return 0
        } catch {
            errors.write(error.text)
            // Words that could not be taken apart may still have asked for JSON.
            if words.contains("--json") { output.write("\(error.json)\n") }
            return error.code.exitStatus
        }
    }

    private func execute(_ words: [String]) throws(VideoError) {
        let arguments = try ParsedArguments(words)
        let command = arguments.command
        if command == .help || arguments.has("help") { return try output.print(help(arguments)) }
        if command == .version || arguments.has("version") { return try output.print("wan-infer \(Version.text)") }
        let json = arguments.has("json")
        if arguments.has("pull") { try PullCommand.fetchMissing(for: arguments, program: self) }
        switch command {
        case .generate: try generate(GenerateOptions(arguments), json)
        case .plan: try PlanCommand(arguments, program: self).run()
        case .economics: try EconomicsCommand(arguments, program: self).run()
        case .doctor: try DoctorCommand(program: self, json: json).run()
        case .models: try ModelsCommand(arguments, program: self).run()
        case .serve: try ServeCommand(arguments, program: self).run()
        case .route where arguments.isGiven("simulate"): try ReplayCommand(arguments, program: self).run()
        case .route: try RouteCommand(arguments, program: self).run()
        case .providers: try ProvidersCommand(arguments, program: self).run()
        case .promises: try PromisesCommand(arguments, program: self).run()
        case .completions: try output.print(Completions(arguments).text)
        case .man: try output.print(ManualPage.text)
        case .worker: try WorkerCommand(options: GenerateOptions(arguments), program: self).run()
        case .help, .version: return
        }
    }

    private func generate(_ options: GenerateOptions, _ json: Bool) throws(VideoError) {
        guard let batch = options.keeping.batch else {
            return try GenerateCommand(options: options, program: self, json: json).run()
        }
        try BatchCommand(path: batch, options: options, program: self, json: json).run()
    }

    private func help(_ arguments: ParsedArguments) -> String {
        if let subject = arguments.subject { return Usage.text(for: subject) }
        let isGeneral = arguments.isBare || arguments.command == .help && !arguments.has("help")
        return isGeneral || arguments.command == .worker ? Usage.text : Usage.text(for: arguments.command)
    }
}
