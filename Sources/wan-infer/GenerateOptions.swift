import Backends
import VideoProvider
import VideoTypes

/// The options of `generate` as values.
struct GenerateOptions {
    /// Without a prompt where none is on the command line.
    let request: VideoRequest
    let prompt: String?
    let engine: EngineOptions
    let device: DeviceChoice
    let threads: Int?
    /// Nil for a name that is free.
    let output: String?
    let detail: Detail

    enum Detail {
        case quiet
        case normal
        case verbose
    }

    init(_ arguments: ParsedArguments) throws(VideoError) {
        let values = OptionValues(arguments.values, lists: arguments.lists)
        prompt = arguments.prompt ?? values.text("prompt")
        var request = VideoRequest(prompt: prompt ?? "")
        for field in RequestField.all { try values.read(field, arguments.has, into: &request) }
        if let size = try values.size() {
            guard request.width == nil, request.height == nil else {
                throw .invalid("--size says what --width and --height say", hint: "leave --size out, or the others")
            }
            (request.width, request.height) = size
        }
        request.referenceImages = try values.pictures()
        // A picture says what to show.
        if let prompt, request.referenceImages.isEmpty || !prompt.isEmpty { try Self.check(prompt: prompt) }
        try request.validate()
        self.request = request

        let machine = try MachineOptions(values, toPlan: arguments.command == .plan)
        device = machine.device
        engine = EngineOptions(
            model: machine.model, dtype: machine.dtype,
            adapters: values.text("lora-dir").map { .folder($0) } ?? .paths,
            writesMetadata: !arguments.has("no-metadata"), dumpPath: values.text("dump"))
        threads = machine.threads
        output = values.text("output")
        guard !(arguments.has("quiet") && arguments.has("verbose")) else {
            throw .invalid("--quiet and --verbose exclude each other", hint: "leave one of them out")
        }
        detail = arguments.has("quiet") ? .quiet : arguments.has("verbose") ? .verbose : .normal
    }

    /// Rules for a prompt from anywhere.
    static func check(prompt: String) throws(VideoError) {
        guard prompt.contains(where: { !$0.isWhitespace }) else {
            throw .invalid("the prompt is empty", hint: "leave it out to use the model's sample prompt")
        }
        guard !prompt.utf8.contains(0) else {
            throw .invalid("the prompt contains a zero byte", hint: "pass plain text")
        }
    }
}
