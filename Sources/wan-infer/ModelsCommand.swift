import VideoTypes

/// Lists the models there are.
struct ModelsCommand {
    private let program: Program
    private let json: Bool

    init(_ program: Program, json: Bool) {
        self.program = program
        self.json = json
    }

    func run() throws(VideoError) {
        try program.output.print("built-in")
    }
}
