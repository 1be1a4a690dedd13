import Compute
import VideoProvider
import VideoTypes

/// Makes one clip.
struct GenerateCommand {
    let options: GenerateOptions
    let program: Program
    let json: Bool

    func run() throws(VideoError) {
        if let path = options.keeping.latents { return try decode(path) }
        let typed: String? =
            if let prompt = options.prompt { prompt } else { try StandardInput(descriptor: 0).prompt() }
        let folder: CheckpointFolder? =
            if let path = options.keeping.checkpoint { try CheckpointFolder(path) } else { nil }
        let maker = try ClipMaker(options, program: program, json: json)
        let clip = KeptWork(maker: maker, place: folder?.place(), output: (output, options.output == nil))
        let kept = try clip.kept()
        var request: VideoRequest =
            if let kept { try options.request(over: VideoRequest(kept.settings)) } else { options.request }
        let isPictured = !request.referenceImages.isEmpty
        request.prompt =
            typed ?? kept?.settings.prompts.positive ?? (isPictured ? "" : maker.engine.samplePrompt)
        if typed == nil, kept == nil, !isPictured {
            note("no prompt given, using the model's sample: \(ResultReport.line(request.prompt))", maker)
        }
        // Whoever wanted a command hears of it; a prompt of such a word is drawn all the same.
        if options.arguments.isBare, let typed, let meant = Command.meant(by: typed) {
            note("drawing '\(typed)'; if a command was meant, it is: \(meant)", maker)
        }
        try maker.tell(clip.make(request, goingOnFrom: kept, preview: options.keeping.preview))
    }

    /// Makes the clip of latents that were kept.
    private func decode(_ path: String) throws(VideoError) {
        guard let kept = try KeptClip(at: path) else {
            throw .invalid("there is no file '\(path)'", hint: "--decode-only takes latents that were kept")
        }
        let maker = try ClipMaker(options, program: program, json: json)
        let result = try maker.watched { progress throws(VideoError) in
            try maker.engine.generate(
                decoding: kept, tilesVAE: options.request.tilesVAE, to: output,
                keepsExisting: options.output == nil, progress: progress)
        }
        try maker.tell(result)
    }

    private var output: String { options.output ?? "out.mp4" }

    private func note(_ text: String, _ maker: ClipMaker) { maker.note(text) }
}
