import VideoTypes

/// One option of the command line.
struct CommandOption {
    /// Without its dashes.
    let name: String
    /// What stands for the value in the help; nil for a switch.
    let value: String?
    let summary: String
    let group: Group
    var commands: [Command] = [.generate, .plan, .economics]
    /// Another spelling.
    var synonym: String?
    /// The values there are, where they can be listed.
    var choices: [String] = []
    /// Whether it may be given more than once.
    var isRepeatable = false

    enum Group: String, CaseIterable {
        case picture = "what to draw"
        case fetch = "what to fetch"
        case sampling = "how to draw it"
        case machine = "where to compute"
        case output = "what to write"
        case keeping = "so that nothing is lost"
        case service = "how to serve"
        case money = "what it costs"
        case routing = "how to route"
        case other = "other"
    }

    /// Every option there is, in the order of the help.
    static let all: [CommandOption] = {
        let first = RequestField.all.compactMap { CommandOption($0) } + [model] + modelParts
        let before = others.prefix { $0.name != "json" }
        return first + before + keeping + economics + others.dropFirst(before.count)
    }()

    private static let model = CommandOption(
        name: "model", value: "PATH", summary: "a model's name, or its folder or file in any layout (built-in)",
        group: .picture, commands: [.generate, .plan, .economics, .serve, .worker])

    /// For clips that take long, and for many of them.
    private static let keeping = [
        CommandOption(
            name: "batch", value: "FILE", summary: "a clip of each line of a .txt or .jsonl file", group: .keeping,
            commands: [.generate]),
        CommandOption(
            name: "checkpoint", value: "DIR", summary: "keep what is done there after every step", group: .keeping,
            commands: [.generate]),
        CommandOption(
            name: "resume", value: nil, summary: "go on from there, or behind the clips of a batch that are done",
            group: .keeping, commands: [.generate]),
        CommandOption(
            name: "decode-only", value: "FILE", summary: "the clip of latents that were kept",
            group: .keeping, commands: [.generate]),
        CommandOption(
            name: "retry-f32", value: nil, summary: "make a step that is not finite once more in f32",
            group: .keeping, commands: [.generate]),
        CommandOption(
            name: "preview", value: "FILE.png", summary: "a sketch of the clip, drawn anew while it is made",
            group: .keeping, commands: [.generate]),
    ]

    private static let others = [
        CommandOption(
            name: "pull", value: nil, summary: "fetch the model first where it is not on this machine", group: .fetch,
            commands: [.generate, .serve]),
        CommandOption(
            name: "revision", value: "REV", summary: "a branch, tag or commit of the model's repository (main)",
            group: .fetch, commands: [.models]),
        CommandOption(
            name: "device", value: "NAME", summary: "auto, cpu, cuda or cuda:N (auto)", group: .machine,
            commands: [.generate, .plan, .economics, .serve, .worker], choices: ["auto", "cpu", "cuda"]),
        CommandOption(
            name: "dtype", value: "NAME", summary: "auto, f32 or bf16 (auto)", group: .machine,
            commands: [.generate, .plan, .economics, .serve, .worker], choices: ["auto", "f32", "bf16"]),
        CommandOption(
            name: "threads", value: "N", summary: "threads to compute with (all processors)", group: .machine,
            commands: [.generate, .plan, .economics, .serve, .worker]),
        CommandOption(
            name: "vram-limit", value: "GB", summary: "take at most so much of the device's memory (what is free)",
            group: .machine, commands: [.generate, .plan, .serve, .worker]),
        CommandOption(
            name: "offload", value: "NAME",
            summary: "what leaves it: none, text, networks or blocks (the least that fits)",
            group: .machine, commands: [.generate, .plan, .serve, .worker],
            choices: ["none", "text", "networks", "blocks"]),
        CommandOption(
            name: "output", value: "FILE.mp4", summary: "the clip to write (out.mp4, or the next free out-N.mp4)",
            group: .output,
            commands: [.generate, .route]),
        CommandOption(
            name: "no-metadata", value: nil, summary: "keep prompt, seed and settings out of the file", group: .output,
            commands: [.generate, .worker]),
        CommandOption(
            name: "dump", value: "FILE.safetensors", summary: "also write every intermediate tensor", group: .output,
            commands: [.generate]),
        CommandOption(
            name: "json", value: nil, summary: "print the result as one JSON object", group: .output,
            commands: Command.allCases),
        CommandOption(
            name: "host", value: "ADDRESS", summary: "the address to listen on (127.0.0.1)", group: .service,
            commands: [.serve]),
        CommandOption(
            name: "port", value: "N", summary: "the port to listen on (8080)", group: .service, commands: [.serve]),
        CommandOption(
            name: "state", value: "DIR", summary: "where jobs and clips are kept (~/.local/state/wan-infer)",
            group: .service, commands: [.plan, .economics, .serve]),
        CommandOption(
            name: "lora-dir", value: "DIR", summary: "a folder of LoRAs that clients may name", group: .service,
            commands: [.serve, .worker]),
        CommandOption(
            name: "key-file", value: "FILE", summary: "who may ask: a name and a key a line", group: .service,
            commands: [.serve]),
        CommandOption(
            name: "host-names", value: "LIST", summary: "further names by which clients call the service",
            group: .service, commands: [.serve]),
        CommandOption(
            name: "origins", value: "LIST", summary: "other web sites whose pages may call the service",
            group: .service, commands: [.serve]),
        CommandOption(
            name: "webhook-hosts", value: "LIST", summary: "hosts that may be told of finished clips",
            group: .service, commands: [.serve]),
        CommandOption(
            name: "local-webhook-hosts", value: "LIST", summary: "the same on your own network, by http too",
            group: .service, commands: [.serve]),
        CommandOption(
            name: "webhook-secret-file", value: "FILE", summary: "the secret that webhooks are signed with",
            group: .service, commands: [.serve]),
        CommandOption(
            name: "gpu-dollars-per-hour", value: "X", summary: "what the machine costs, for the price of a clip",
            group: .money, commands: [.plan, .economics, .serve]),
        CommandOption(
            name: "api-dollars-per-second", value: "X", summary: "what somebody else takes for a second of video",
            group: .money, commands: [.plan, .economics]),
        CommandOption(
            name: "config", value: "FILE.json", summary: "who makes clips, for whose money", group: .routing,
            commands: [.route, .providers, .promises]),
        CommandOption(
            name: "router", value: "FILE.json", summary: "the same, for a service in front of all of them",
            group: .routing, commands: [.serve]),
        CommandOption(
            name: "scorer", value: "URL", summary: "ask this vision model's API how good finished clips are",
            group: .routing, commands: [.route, .serve]),
        CommandOption(
            name: "scorer-model", value: "NAME", summary: "the model there", group: .routing,
            commands: [.route, .serve]),
        CommandOption(
            name: "provider", value: "TEXT", summary: "nobody but this one", group: .routing, commands: [.route]),
        CommandOption(
            name: "explain", value: nil, summary: "say who would make it, for how much and how soon, and order nothing",
            group: .routing, commands: [.route]),
        CommandOption(
            name: "promise", value: nil, summary: "keep the request where nobody can make it now", group: .routing,
            commands: [.route]),
        CommandOption(
            name: "keep", value: nil, summary: "make what was promised, and fetch what is still under way",
            group: .routing, commands: [.promises]),
        CommandOption(
            name: "reset", value: "NAME",
            summary: "forget failures, pauses and a refused key of this one and its account", group: .routing,
            commands: [.providers]),
        CommandOption(
            name: "simulate", value: "LOG.jsonl", summary: "decide a router's log once more", group: .routing,
            commands: [.route]),
        CommandOption(
            name: "policy", value: "FILE.json", summary: "the policy to decide by (the default one)", group: .routing,
            commands: [.route]),
        CommandOption(
            name: "quiet", value: nil, summary: "print nothing but errors", group: .other,
            commands: [.generate, .models, .route, .promises]),
        CommandOption(
            name: "verbose", value: nil,
            summary: "print every step; of a service, every request; of files, every tensor", group: .other,
            commands: [.generate, .models, .serve]),
        CommandOption(
            name: "version", value: nil, summary: "print the version", group: .other, commands: Command.allCases),
        CommandOption(
            name: "help", value: nil, summary: "print this text", group: .other, commands: Command.allCases),
    ]

    /// What may stand where the value is.
    enum Argument: Equatable {
        case oneOf([String])
        case folder
        /// A file, whose name ends so.
        case file(ending: String)
        case text
    }

    /// nil for a switch.
    var argument: Argument? {
        guard let value else { return nil }
        if !choices.isEmpty { return .oneOf(choices) }
        switch value {
        case "DIR": return .folder
        case "FILE", "PATH": return .file(ending: "")
        case _ where value.contains("."): return .file(ending: String(value.drop { $0 != "." }))
        default: return .text
        }
    }
}

extension CommandOption {
    /// One of a request; nil where the command has none.
    init?(_ field: RequestField) {
        guard let option = field.option else { return nil }
        name = option
        commands = Self.onlyRouted.contains(field.term) ? [.route] : [.generate, .plan, .economics, .route]
        if field.term == .duration { synonym = "duration" }
        summary = field.help
        switch field.value {
        case .text: value = "TEXT"
        case .integer, .seed: value = "N"
        case .number: value = "X"
        case .numbers: value = "LIST"
        case .flag: value = nil
        case .word: value = "NAME"
        case .words: value = field.term == .adapters ? "FILE" : field.term == .cast ? "NAME" : "TEXT"
        case .special: value = field.part == .inputs ? "FILE" : field.term == .size ? "WxH" : "TEXT"
        }
        if case .word(let word) = field.value { choices = word.choices }
        if case .words = field.value { isRepeatable = true }
        switch field.part {
        case .prompts, .clip, .inputs: group = .picture
        case .sampling: group = .sampling
        case .decoding: group = .machine
        case .terms: group = .money
        }
    }

    /// What one engine leaves to its model, or has no price for.
    private static let onlyRouted: Set<Term> = [
        .resolution, .aspectRatio, .audio, .quality, .maxCost, .maxLatency, .shots, .cast, .continues,
    ]
}
