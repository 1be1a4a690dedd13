import StrictJSON
import VideoTypes

extension Vocabulary {
    /// Terms as they are typed.
    static let command = Vocabulary { term, value in
        switch term {
        case .doctor: return "wan-infer doctor"
        case .models: return ["wan-infer models", value].compactMap(\.self).joined(separator: " ")
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
        let name = RequestField[term]?.option ?? Self.names[term]
        guard let option = Self.all.first(where: { $0.name == name }) else { return nil }
        self = option
    }

    /// Of what is said about this machine, not about a clip.
    private static let names: [Term: String] = [
        .model: "model", .transformer: ModelPart.transformer.option, .transformer2: ModelPart.transformer2.option,
        .vae: ModelPart.vae.option, .textEncoder: ModelPart.textEncoder.option,
        .imageEncoder: ModelPart.imageEncoder.option, .tokenizer: ModelPart.tokenizer.option, .device: "device",
        .dtype: "dtype", .threads: "threads", .memoryLimit: "vram-limit", .offload: "offload", .stateFolder: "state",
        .host: "host", .keyFile: "key-file", .hostNames: "host-names", .origins: "origins",
        .webhookHosts: "webhook-hosts", .localWebhookHosts: "local-webhook-hosts",
        .webhookSecretFile: "webhook-secret-file", .adapterFolder: "lora-dir",
    ]
}

extension VideoError {
    var commandMessage: String { message(in: .command) }
    var commandHint: String? { hint(in: .command) }

    /// The error as it goes to standard error; names in it may be of somebody else's making.
    var text: String {
        "wan-infer: error: \(commandMessage.withoutControls)\n"
            + (commandHint.map { "  hint: \($0.withoutControls)\n" } ?? "")
    }

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
