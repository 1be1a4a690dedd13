extension VideoSettings {
    /// The settings as JSON fields, in the order of the command's options.
    package var jsonFields: [(String, JSONText)] {
        [
            ("prompt", .string(prompts.positive)),
            ("negative_prompt", .string(prompts.negative)),
            ("width", .integer(clip.width)),
            ("height", .integer(clip.height)),
            ("frames", .integer(clip.frames)),
            ("fps", .integer(clip.framesPerSecond)),
            ("steps", .integer(sampling.steps)),
            ("guidance", .number(sampling.guidance(ofExpert: 0))),
            ("guidance_2", sampling.guidance.dropFirst().first.map(JSONText.number) ?? .null),
            ("flow_shift", sampling.shift.map(JSONText.number) ?? .null),
            ("scheduler", .string(sampling.scheduler.rawValue)),
            ("sigmas", sampling.sigmas.map { .array($0.map(JSONText.number)) } ?? .null),
            ("seed", .unsigned(sampling.seed)),
            ("vae_tiling", .bool(tilesVAE)),
        ] + (inputs.isEmpty ? [] : [("inputs", .array(inputs.map(\.json)))])
    }
}

extension ClipInput {
    fileprivate var json: JSONText { ["role": .string(role.rawValue), "sha256": .string(digest)] }
}
