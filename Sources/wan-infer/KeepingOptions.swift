import VideoTypes

/// The options that keep long work from being lost.
struct KeepingOptions: Equatable {
    /// A folder.
    let checkpoint: String?
    let resumes: Bool
    /// Latents to make a clip of.
    let latents: String?
    /// A list of clips to make.
    let batch: String?
    /// A picture that is drawn anew while a clip is made.
    let preview: String?
    let retriesInF32: Bool

    init(_ arguments: ParsedArguments) throws(VideoError) {
        let values = OptionValues(arguments.values)
        checkpoint = values.text("checkpoint")
        resumes = arguments.has("resume")
        latents = values.text("decode-only")
        batch = values.text("batch")
        preview = values.text("preview")
        retriesInF32 = arguments.has("retry-f32")
        if resumes, checkpoint == nil, batch == nil {
            throw .invalid(
                "--resume has nothing to go on from",
                hint: "name the folder of the clip with --checkpoint, or the file with --batch")
        }
        if let preview, !preview.lowercased().hasSuffix(".png") {
            throw .invalid(
                "--preview writes PNG, got '\(OptionValues.shown(preview))'", hint: "end the name in .png")
        }
        try refuse(arguments, beside: "dump", ["checkpoint", "batch", "decode-only", "retry-f32"])
        if latents != nil { try checkDecoding(arguments) }
        guard batch == nil || arguments.prompt == nil && arguments.values["prompt"] == nil else {
            throw .invalid("--batch has the prompts in its file, and one is given beside it", hint: "leave one out")
        }
    }

    /// Latents are made: what says how cannot be said any more.
    private func checkDecoding(_ arguments: ParsedArguments) throws(VideoError) {
        try refuse(arguments, beside: "decode-only", ["batch", "checkpoint", "preview", "retry-f32"])
        guard arguments.prompt == nil else {
            throw .invalid("--decode-only makes the clip of latents, which have their prompt", hint: "leave it out")
        }
        let fields = RequestField.all.compactMap(\.option).filter { $0 != RequestField[.tilesVAE]?.option }
        try refuse(arguments, beside: "decode-only", fields)
    }

    private func refuse(
        _ arguments: ParsedArguments, beside option: String, _ others: [String]
    ) throws(VideoError) {
        guard arguments.isGiven(option), let other = others.first(where: arguments.isGiven) else { return }
        throw .invalid("--\(other) cannot be had with --\(option)", hint: "leave one of them out")
    }
}
