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

    let keeping: KeepingOptions
    /// The words that all this was read from.
    let arguments: ParsedArguments

    /// - Parameter isToFetch: whether the model may be one that is fetched later.
    init(_ arguments: ParsedArguments, isToFetch: Bool = false) throws(VideoError) {
        self.arguments = arguments
        let values = OptionValues(arguments.values, lists: arguments.lists)
        prompt = arguments.prompt ?? values.text("prompt")
        request = try Self.request(arguments, over: VideoRequest(prompt: prompt ?? ""))
        // A picture says what to show.
        if let prompt, request.referenceImages.isEmpty || !prompt.isEmpty { try Self.check(prompt: prompt) }

        let machine = try MachineOptions(values, toPlan: [.plan, .economics].contains(arguments.command) || isToFetch)
        device = machine.device
        keeping = try KeepingOptions(arguments)
        engine = EngineOptions(
            model: machine.model, dtype: machine.dtype, memory: machine.memory,
            adapters: values.text("lora-dir").map { .folder($0) } ?? .paths,
            writesMetadata: !arguments.has("no-metadata"), dumpPath: values.text("dump"),
            retriesInF32: keeping.retriesInF32)
        threads = machine.threads
        output = values.text("output")
        guard !(arguments.has("quiet") && arguments.has("verbose")) else {
            throw .invalid("--quiet and --verbose exclude each other", hint: "leave one of them out")
        }
        detail = arguments.has("quiet") ? .quiet : arguments.has("verbose") ? .verbose : .normal
    }

    /// Puts what the words say in the place of what another request says.
    func request(over other: VideoRequest) throws(VideoError) -> VideoRequest {
        try Self.request(arguments, over: other)
    }

    static func request(
        _ arguments: ParsedArguments, over other: VideoRequest
    ) throws(VideoError) -> VideoRequest {
        let values = OptionValues(arguments.values, lists: arguments.lists)
        var request = other
        // What says the same in other words must not stay beside it.
        for (option, path) in [
            ("seconds", \VideoRequest.frames), ("sigmas", \VideoRequest.steps),
        ] where arguments.isGiven(option) { request[keyPath: path] = nil }
        if arguments.isGiven("steps") { request.sigmas = nil }
        for field in RequestField.all {
            guard let option = field.option, arguments.isGiven(option) else { continue }
            if case .words(let word) = field.value { word.clear(&request) }
            try values.read(field, arguments.has, into: &request)
        }
        if let size = try values.size() {
            guard !arguments.isGiven("width"), !arguments.isGiven("height") else {
                throw .invalid("--size says what --width and --height say", hint: "leave --size out, or the others")
            }
            (request.width, request.height) = size
        }
        let pictures = try values.pictures()
        if !pictures.isEmpty { request.referenceImages = pictures }
        try request.validate()
        return request
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
