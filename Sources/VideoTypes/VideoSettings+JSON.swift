extension VideoSettings {
    /// The settings as JSON fields, in the order of the command's options.
    package var jsonFields: [(String, JSONText)] {
        [
            ("prompt", .string(prompt)),
            ("negative_prompt", .string(negativePrompt)),
            ("width", .integer(width)),
            ("height", .integer(height)),
            ("frames", .integer(frames)),
            ("fps", .integer(framesPerSecond)),
            ("steps", .integer(steps)),
            ("guidance", .number(guidanceScale)),
            ("guidance_2", guidanceScale2.map(JSONText.number) ?? .null),
            ("flow_shift", .number(flowShift)),
            ("scheduler", .string(scheduler.rawValue)),
            ("sigmas", sigmas.map { .array($0.map(JSONText.number)) } ?? .null),
            ("seed", .unsigned(seed)),
            ("vae_tiling", .bool(tilesVAE)),
        ] + (inputs.isEmpty ? [] : [("inputs", .array(inputs.map(\.json)))])
    }
}

extension ClipInput {
    fileprivate var json: JSONText { ["role": .string(role.rawValue), "sha256": .string(digest)] }
}
