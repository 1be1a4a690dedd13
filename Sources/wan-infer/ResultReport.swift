import VideoTypes

/// What is said about a finished clip.
struct ResultReport {
    let result: ClipReport

    /// For people.
    var text: String {
        let (settings, clip) = (result.settings, result.settings.clip)
        let stages = VideoProgress.Stage.allCases.compactMap { stage in
            result.stageSeconds[stage].map { "\(stage.rawValue) \(Numbers.fixed($0, 2))" }
        }
        let head = [
            ("wrote", result.path),
            (
                "clip",
                "\(clip.frames) frames of \(clip.width) x \(clip.height) at \(clip.framesPerSecond)/s, "
                    + "\(Numbers.fixed(clip.durationSeconds, 2)) s, \(Numbers.bytes(result.fileBytes)), "
                    + result.encoder
            ),
            ("prompt", Self.line(settings.prompts.positive) + cut),
            ("model", "\(result.model), \(result.backend) \(result.dtype)"),
        ]
        let tail = [
            ("seed", "\(settings.sampling.seed)"),
            ("seconds", (stages + ["total \(Numbers.fixed(result.totalSeconds, 2))"]).joined(separator: ", ")),
            ("speed", "\(Numbers.fixed(result.videoSecondsPerMinute, 1)) seconds of video per minute"),
            ("memory", "\(Numbers.bytes(result.peakMemoryBytes)) at its peak\(deviceMemory)"),
        ]
        let rows = head + picture + Self.rows(settings.adapters) + tail
        return rows.map { $0.0 + String(repeating: " ", count: 9 - $0.0.count) + $0.1 }.joined(separator: "\n")
    }

    /// For programs.
    var json: JSONText {
        let stages = VideoProgress.Stage.allCases.compactMap { stage in
            result.stageSeconds[stage].map { (stage.rawValue, JSONText.number($0)) }
        }
        return .object(
            [
                ("file", .string(result.path)),
                ("bytes", .integer(result.fileBytes)),
                ("model", .string(result.model)),
                ("backend", .string(result.backend)),
                ("dtype", .string(result.dtype)),
                ("encoder", .string(result.encoder)),
            ] + result.settings.jsonFields + [
                ("duration_seconds", .number(result.settings.clip.durationSeconds)),
                ("stage_seconds", .object(stages)),
                ("total_seconds", .number(result.totalSeconds)),
                ("video_seconds_per_minute", .number(result.videoSecondsPerMinute)),
                ("peak_memory_bytes", .integer(result.peakMemoryBytes)),
            ]
                + (result.adapters.map { [("lora_matches", Self.json($0))] } ?? [])
                + (result.pictureDecibels.map { [("picture_decibels", .number($0))] } ?? [])
                + (result.promptTokens.map { [("prompt_tokens", .integer($0))] } ?? [])
                + (result.promptTokenLimit.map { [("prompt_token_limit", .integer($0))] } ?? [])
                + (result.peakDeviceMemoryBytes.map { [("peak_device_memory_bytes", .integer($0))] } ?? []))
    }

    private var picture: [(String, String)] {
        guard let decibels = result.pictureDecibels else { return [] }
        let missed = result.isPictureMissed ? ": \(result.model) cannot show it as it is" : ""
        return [("picture", "the clip begins \(Numbers.fixed(decibels, 1)) dB from it\(missed)")]
    }

    /// One for each LoRA.
    static func rows(_ adapters: [AdapterInput]) -> [(String, String)] {
        adapters.map { input in
            let expert = input.expert == .both ? "" : ", \(input.expert.rawValue) noise"
            let steps = input.steps.map { ", steps \($0.lowerBound) to \($0.upperBound)" } ?? ""
            return ("LoRA", "\(line(input.name)), strength \(input.strength)\(expert)\(steps)")
        }
    }

    private static func json(_ reports: [AdapterReport]) -> JSONText {
        .array(
            reports.map { report in
                .object([
                    ("name", .string(report.name)), ("changed", .integer(report.changed)),
                    ("unmatched", .array(report.unmatched.map(JSONText.string))),
                ])
            })
    }

    private var cut: String {
        guard result.isPromptCut, let count = result.promptTokens, let limit = result.promptTokenLimit else {
            return ""
        }
        return " (cut: the model reads \(limit) of its \(count) tokens)"
    }

    private var deviceMemory: String {
        result.peakDeviceMemoryBytes.map { ", \(Numbers.bytes($0)) on the GPU" } ?? ""
    }

    /// A prompt on one line of bearable length.
    static func line(_ prompt: String) -> String {
        let line = prompt.split(whereSeparator: \.isWhitespace).map { $0.withoutControls }.joined(separator: " ")
        return line.count <= 200 ? line : line.prefix(200) + "…"
    }
}

extension Substring {
    /// A prompt from a file must not steer the terminal.
    fileprivate var withoutControls: String {
        String(String.UnicodeScalarView(unicodeScalars.filter { $0.properties.generalCategory != .control }))
    }
}
