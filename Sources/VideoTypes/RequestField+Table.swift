extension RequestField {
    private typealias Limits = VideoRequest.Limits

    /// Every field of a request, in the order of the command's help and of JSON.
    package static let all: [RequestField] = words + shape + story + sampling + rest

    private static let words = [
        RequestField(
            .prompt, .prompts, .special, option: "prompt", parameter: "prompt", spokenBy: .standard,
            help: "the same as PROMPT"
        ) { .string($0.prompts.positive) },
        RequestField(
            .negativePrompt, .prompts, .text(\.negativePrompt), option: "negative-prompt", parameter: "negative_prompt",
            also: ["negative"], help: "what to keep out of the picture"
        ) { .string($0.prompts.negative) },
        RequestField(
            .referenceImages, .inputs, .special, option: "image", parameter: "input_reference", spokenBy: .standard,
            also: ["image_url", "reference_url"], help: "the picture that the clip begins with"),
        RequestField(
            .lastImage, .inputs, .special, option: "last-image", parameter: "input_reference_last", spokenBy: .own,
            help: "the picture that it ends with"),
        RequestField(
            .adapters, .inputs, .words(adapter), option: "lora", parameter: "lora", spokenBy: .own,
            also: ["loras", "lora_path", "adapter"],
            help: "a LoRA to lay over the model, as style.safetensors:0.8; once or more"
        ),
    ]

    private static let adapter = Word(rule: "like style:0.8 or high=style:0.8@1-4") { text, request in
        guard let choice = AdapterChoice(text) else { return false }
        request.adapters = (request.adapters ?? []) + [choice]
        return true
    } text: { request in
        request.adapters.map { $0.map(\.description).joined(separator: ",") }
    } clear: {
        $0.adapters = nil
    }

    /// What happens in a clip, and to whom.
    private static let story = [
        RequestField(
            .shots, .inputs, .words(shot), option: "shot", parameter: "shots", spokenBy: .own,
            also: ["multi_prompt"], help: "a shot of it, as \"3: a door opens\"; once or more"),
        RequestField(
            .cast, .inputs, .words(name), option: "with", parameter: "cast", spokenBy: .own,
            also: ["characters", "character", "environment"],
            help: "a character or environment of the router's; once or more"),
        RequestField(
            .continues, .inputs, .text(\.continues), option: "continues", parameter: "continues", spokenBy: .own,
            help: "the id of a former clip that it goes on from"),
    ]

    /// Words may hold commas.
    private static let shot = Word(rule: "seconds and words like \"3: a door opens\"", separator: nil) {
        text, request in
        guard let shot = Shot(text) else { return false }
        request.shots = (request.shots ?? []) + [shot]
        return true
    } text: { request in
        request.shots.map { $0.map(\.description).joined(separator: "; ") }
    } clear: {
        $0.shots = nil
    }

    private static let name = Word(rule: "a name of 1 to \(Limits.castNameBytes) bytes") { text, request in
        guard (1...Limits.castNameBytes).contains(text.utf8.count) else { return false }
        request.cast = (request.cast ?? []) + [text]
        return true
    } text: { request in
        request.cast.map { $0.joined(separator: ",") }
    } clear: {
        $0.cast = nil
    }

    private static let shape = [
        RequestField(
            .size, .clip, .special, option: "size", parameter: "size", spokenBy: .standard,
            help: "width and height at once, as 832x480"),
        RequestField(
            .width, .clip, .integer(\.width, Limits.side), option: "width", parameter: "width", help: "width in pixels"
        ) { .integer($0.clip.width) },
        RequestField(
            .height, .clip, .integer(\.height, Limits.side), option: "height", parameter: "height",
            help: "height in pixels"
        ) { .integer($0.clip.height) },
        RequestField(
            .resolution, .clip, .word(\.resolution, "like 480p, 720p or 1080p"), option: "resolution",
            parameter: "resolution", spokenBy: .own, help: "the shorter side, as 720p, in place of a size"),
        RequestField(
            .aspectRatio, .clip, .word(\.aspectRatio, "like 16:9"), option: "aspect-ratio", parameter: "aspect_ratio",
            spokenBy: .own, also: ["aspect", "ratio"], help: "of width to height, as 16:9"),
        RequestField(
            .frames, .clip, .integer(\.frames, Limits.frames), option: "frames", parameter: "num_frames",
            also: ["video_length"], help: "number of frames"
        ) { .integer($0.clip.frames) },
        RequestField(
            .duration, .clip, .number(\.durationSeconds, Limits.durationSeconds), option: "seconds",
            parameter: "seconds", spokenBy: .standard, also: ["duration", "length"],
            help: "its length, in place of a number of frames"),
        RequestField(
            .durationRule, .clip, .choice(\.durationRule), option: "seconds-rule", parameter: "seconds_rule",
            spokenBy: .own, help: "exact, or at_least: a longer clip will do"),
        RequestField(
            .framesPerSecond, .clip, .integer(\.framesPerSecond, Limits.framesPerSecond), option: "fps",
            parameter: "fps", also: ["frame_rate"], help: "frames per second"
        ) { .integer($0.clip.framesPerSecond) },
        RequestField(
            .audio, .clip, .flag(\.wantsAudio), option: "sound", parameter: "generate_sound", spokenBy: .own,
            also: ["audio"], help: "a clip with sound"),
    ]

    private static let sampling = [
        RequestField(
            .steps, .sampling, .integer(\.steps, Limits.steps), option: "steps", parameter: "num_inference_steps",
            also: ["num_steps", "sampling_steps"], help: "denoising steps"
        ) { .integer($0.sampling.steps) },
        RequestField(
            .guidanceScale, .sampling, .number(\.guidanceScale, Limits.guidanceScale), option: "guidance",
            parameter: "guidance_scale", also: ["cfg", "cfg_scale"], help: "weight of the prompt; 1 means no guidance"
        ) { .number($0.sampling.guidance(ofExpert: 0)) },
        RequestField(
            .guidanceScale2, .sampling, .number(\.guidanceScale2, Limits.guidanceScale), option: "guidance-2",
            parameter: "guidance_scale_2", help: "the same for a second expert, of low noise"
        ) { $0.sampling.guidance.dropFirst().first.map(JSONText.number) ?? .null },
        RequestField(
            .guidanceSchedule, .sampling, .choice(\.guidanceSchedule), option: "guidance-schedule",
            parameter: "guidance_schedule", spokenBy: .own, also: ["use_dynamic_cfg"],
            help: "constant, or dynamic where the model has it"
        ) { .string($0.sampling.guidanceSchedule.rawValue) },
        RequestField(
            .flowShift, .sampling, .number(\.flowShift, Limits.flowShift), option: "flow-shift",
            parameter: "flow_shift", spokenBy: .own, also: ["shift"], help: "shift of the noise schedule"
        ) { $0.sampling.shift.map(JSONText.number) ?? .null },
        RequestField(
            .scheduler, .sampling, .choice(\.scheduler), option: "scheduler", also: ["sampler", "solver"],
            help: listed(Scheduler.allCases.map(\.rawValue))
        ) { .string($0.sampling.scheduler.rawValue) },
        RequestField(
            .sigmas, .sampling, .numbers(\.sigmas), option: "sigmas",
            help: "noise levels before the shift, as 1,0.75,0.5,0.25"
        ) { $0.sampling.sigmas.map { .array($0.map(JSONText.number)) } ?? .null },
        RequestField(
            .seed, .sampling, .seed(\.seed), option: "seed", parameter: "seed",
            help: "the same seed gives the same clip (random)"
        ) { .unsigned($0.sampling.seed) },
        RequestField(
            .quality, .sampling, .choice(\.quality), option: "quality", parameter: "quality", spokenBy: .own,
            help: listed(Quality.allCases.map(\.rawValue)) + " (standard)"),
    ]

    private static let rest = [
        RequestField(
            .attention, .sampling, .choice(\.attention), option: "attention", parameter: "attention", spokenBy: .own,
            help: "full, or factorized: faster, and lossy"
        ) { .string($0.sampling.attention.rawValue) },
        RequestField(
            .tilesVAE, .decoding, .flag(\.tilesVAE), option: "vae-tiling", parameter: "vae_tiling", spokenBy: .own,
            help: "decode in tiles: less memory, more time"
        ) { .bool($0.tilesVAE) },
        RequestField(
            .maxLatency, .terms, .number(\.maxLatencySeconds, Limits.latencySeconds), option: "max-latency",
            parameter: "max_latency_seconds", spokenBy: .own, help: "seconds to wait for it at most"),
        RequestField(
            .maxCost, .terms, .number(\.maxCostDollars, Limits.costDollars), option: "max-cost",
            parameter: "max_cost_dollars", spokenBy: .own, help: "dollars that all attempts may cost together"),
        RequestField(.extras, .terms, .special, parameter: "extras", spokenBy: .own),
    ]

    /// "unipc, euler or dpm++".
    private static func listed(_ words: [String]) -> String {
        words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "")
    }
}

extension RequestField.Value {
    /// One of a few words.
    fileprivate static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ path: any RequestField.Path<Choice?>
    ) -> Self {
        .word(
            RequestField.Word(choices: names(Choice.self), rule: rule(Choice.self)) { text, request in
                guard let choice = Choice(rawValue: text) else { return false }
                request[keyPath: path] = choice
                return true
            } text: {
                $0[keyPath: path]?.rawValue
            })
    }

    fileprivate static func choice<Choice: RawRepresentable<String> & CaseIterable & Sendable>(
        _ path: any RequestField.Path<Choice>
    ) -> Self {
        .word(
            RequestField.Word(choices: names(Choice.self), rule: rule(Choice.self)) { text, request in
                guard let choice = Choice(rawValue: text) else { return false }
                request[keyPath: path] = choice
                return true
            } text: {
                $0[keyPath: path].rawValue
            })
    }

    private static func names<Choice: RawRepresentable<String> & CaseIterable>(_: Choice.Type) -> [String] {
        Choice.allCases.map(\.rawValue)
    }

    private static func rule<Choice: RawRepresentable<String> & CaseIterable>(_ type: Choice.Type) -> String {
        "one of " + names(type).joined(separator: ", ")
    }

    fileprivate static func word<Meaning: LosslessStringConvertible & Sendable>(
        _ path: any RequestField.Path<Meaning?>, _ rule: String
    ) -> Self {
        .word(
            RequestField.Word(rule: rule) { text, request in
                guard let meaning = Meaning(text) else { return false }
                request[keyPath: path] = meaning
                return true
            } text: {
                $0[keyPath: path]?.description
            })
    }
}
