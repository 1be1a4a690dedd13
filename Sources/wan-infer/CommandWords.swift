import VideoTypes

extension Vocabulary {
    /// Terms as they are typed.
    static let command = Vocabulary { term, value in
        switch term {
        case .doctor: return "wan-infer doctor"
        case .models: return "wan-infer models"
        case .serve: return "wan-infer serve"
        default: break
        }
        guard let option = CommandOption(term) else { return nil }
        return option.value == nil ? "--\(option.name)" : "--\(option.name)" + (value.map { " \($0)" } ?? "")
    }
}

extension CommandOption {
    /// The option that a term is here; nil where there is none.
    init?(_ term: Term) {
        let name: String? =
            switch term {
            case .prompt: "prompt"
            case .negativePrompt: "negative-prompt"
            case .duration: "seconds"
            case .size: "size"
            case .width: "width"
            case .height: "height"
            case .frames: "frames"
            case .framesPerSecond: "fps"
            case .steps: "steps"
            case .guidanceScale: "guidance"
            case .guidanceScale2: "guidance-2"
            case .flowShift: "flow-shift"
            case .scheduler: "scheduler"
            case .sigmas: "sigmas"
            case .seed: "seed"
            case .tilesVAE: "vae-tiling"
            case .model: "model"
            case .device: "device"
            case .dtype: "dtype"
            case .threads: "threads"
            case .stateFolder: "state"
            case .host: "host"
            case .keyFile: "key-file"
            case .hostNames: "host-names"
            case .origins: "origins"
            case .webhookHosts: "webhook-hosts"
            case .localWebhookHosts: "local-webhook-hosts"
            case .webhookSecretFile: "webhook-secret-file"
            case .resolution, .aspectRatio, .audio, .referenceImages, .maxCost, .maxLatency, .extras, .doctor, .models,
                .serve:
                nil
            }
        guard let option = name.flatMap({ name in Self.all.first { $0.name == name } }) else { return nil }
        self = option
    }
}

extension VideoError {
    var commandMessage: String { message(in: .command) }
    var commandHint: String? { hint(in: .command) }

    /// The error as it goes to standard error.
    var text: String { "wan-infer: error: \(commandMessage)\n" + (commandHint.map { "  hint: \($0)\n" } ?? "") }

    var json: JSONText {
        .object([
            (
                "error",
                .object([
                    ("code", .string(code.name)), ("message", .string(commandMessage)),
                    ("hint", commandHint.map(JSONText.string) ?? .null),
                    ("exit_status", .integer(Int(code.exitStatus))),
                ])
            )
        ])
    }
}
