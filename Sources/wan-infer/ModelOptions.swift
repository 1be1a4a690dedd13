import VideoProvider
import VideoTypes

extension CommandOption {
    /// Parts of a model that come from elsewhere.
    static let modelParts = ModelPart.allCases.map { part in
        CommandOption(
            name: part.option, value: part == .tokenizer ? "PATH" : "FILE",
            summary:
                "\(part == .transformer2 ? "the expert of low noise" : "its \(part.words)"), from a file of its own",
            group: .picture, commands: [.generate, .plan, .economics, .models, .serve, .worker])
    }
}

extension ModelPart {
    /// Without its dashes.
    var option: String { rawValue.replacing("_", with: "-") }
}

extension OptionValues {
    /// The files of parts that come from elsewhere.
    var modelParts: [ModelPart: String] {
        ModelPart.allCases.reduce(into: [:]) { $0[$1] = text($1.option) }
    }

    /// What the options say of the model, the options of parts among them.
    func model(toPlan: Bool) throws(VideoError) -> ModelSource { try model(text("model"), toPlan: toPlan) }

    /// The model that is called `name`, with the parts that come from elsewhere.
    func model(_ name: String?, toPlan: Bool) throws(VideoError) -> ModelSource {
        let parts = modelParts
        // A model that lends only its name need not be on this machine.
        let source = try ModelsCommand.source(name, toPlan: toPlan || !parts.isEmpty)
        guard !parts.isEmpty else { return source }
        switch source {
        case .builtIn:
            guard name == nil else {
                throw .invalid("the built-in model takes no parts from files", hint: "leave --model out")
            }
            return .files(ModelPlaces(parts: parts))
        case .files(var places):
            places.parts = parts
            return .files(places)
        case .published(let name): return .files(ModelPlaces(parts: parts, name: name))
        }
    }
}
