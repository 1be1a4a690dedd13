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
        if arguments.has("help") { return try output.print(Usage.text) }
        if arguments.has("version") { return try output.print("wan-infer \(Version.text)") }
        let json = arguments.has("json")
        switch arguments.command {
        case .generate: try GenerateCommand(options: GenerateOptions(arguments), program: self, json: json).run()
        case .plan: try PlanCommand(arguments, program: self).run()
        case .doctor: try DoctorCommand(program: self, json: json).run()
        case .models: try ModelsCommand(program: self, json: json).run()
        case .serve: try ServeCommand(arguments, program: self).run()
        case .route: try RouteCommand(arguments, program: self).run()
        case .completions: try output.print(Completions(arguments).text)
        case .man: try output.print(ManualPage.text)
        case .worker: try WorkerCommand(options: GenerateOptions(arguments), program: self).run()
        }
    }
}
