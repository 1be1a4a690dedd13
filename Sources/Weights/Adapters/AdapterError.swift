import StrictJSON
package import VideoTypes

/// Why an adapter's file cannot be laid over a model.
package enum AdapterError: Error, Equatable, Sendable {
    /// No safetensors.
    case unreadable(WeightError)
    case format(file: String, found: String)
    case tooMany(file: String, count: Int, limit: Int)
    /// A kind of adapter that is not applied here.
    case foreign(file: String, key: String, kind: String)
    /// A key of a module of the model that ends in no known way.
    case strange(file: String, key: String)
    /// One of two factors without the other.
    case alone(file: String, module: String, has: String)
    /// Shapes that cannot be multiplied.
    case factors(file: String, module: String, down: [Int], up: [Int])
    case alpha(file: String, key: String, found: String)
    case config(file: String, field: String, found: String)
    case notFinite(file: String, key: String)
    /// A module that the file has under two names, or under one twice.
    case twice(file: String, module: String, other: String?)
    case noTensor(file: String, module: String, key: String)
    case shape(file: String, module: String, found: [Int], key: String, expected: [Int])
    case nothingMatches(file: String, examples: [String], count: Int)
}

extension AdapterError: Reportable {
    package var videoError: VideoError {
        VideoError(.weightsInvalid, Wording(plain: message), field: .adapters, hint: hint)
    }

    /// One line: the thing, what was found and what was expected.
    package var message: String {
        switch self {
        case .unreadable(let error): error.message
        case .format(let file, let found): "\(file): a file of \(found); LoRAs are read from safetensors"
        case .tooMany(let file, let count, let limit): "\(file): \(count) tensors, at most \(limit) are accepted"
        case .foreign(let file, let key, let kind):
            "\(file): '\(key.printable)' is of a kind that is not applied here: \(kind.printable)"
        case .strange(let file, let key):
            "\(file): '\(key.printable)' speaks of a module of the model, but not in a known way"
        case .alone(let file, let module, let has):
            "\(file): '\(module.printable)' has lora_\(has) without lora_\(has == "up" ? "down" : "up")"
        case .factors(let file, let module, let down, let up):
            "\(file): '\(module.printable)' has factors of shapes \(up) and \(down), whose ranks must be equal"
        case .alpha(let file, let key, let found):
            "\(file): '\(key.printable)' must be one number other than 0, is \(found)"
        case .config(let file, "", let found): "\(file): its adapter's configuration is \(found)"
        case .config(let file, let field, let found):
            "\(file): field '\(field)' of its adapter's configuration is \(found)"
        case .notFinite(let file, let key): "\(file): '\(key.printable)' holds what is no finite number"
        case .twice(let file, let module, let other?):
            "\(file): '\(module.printable)' and '\(other.printable)' are the same module of the model"
        case .twice(let file, let module, nil): "\(file): '\(module.printable)' is changed twice"
        case .noTensor(let file, let module, let key):
            "\(file): '\(module.printable)' changes '\(key)', which the model does not have"
        case .shape(let file, let module, let found, let key, let expected):
            "\(file): '\(module.printable)' is for shape \(found), '\(key)' of the model has shape \(expected)"
        case .nothingMatches(let file, let examples, let count):
            "\(file): no key matches the model: \(count) modules that it does not have"
                + (examples.isEmpty ? "" : ", as " + examples.map { "'\($0.printable)'" }.joined(separator: ", "))
        }
    }

    /// The remedy.
    package var hint: Wording {
        switch self {
        case .unreadable(let error):
            if case .fileMissing = error { "check the path of the LoRA" } else { error.hint }
        case .format: "use the LoRA's file of safetensors, or convert it to that"
        case .foreign, .strange:
            "use a LoRA of plain pairs (lora_A and lora_B, or lora_down and lora_up), or a model it was merged into"
        case .alone, .factors, .notFinite, .alpha, .twice, .tooMany:
            "the file is damaged or unfinished: fetch it again, or another one"
        case .config: "correct the configuration, or use a file with alpha tensors"
        case .noTensor, .shape, .nothingMatches:
            "the LoRA was made for another model, or for another size of it: use one that was made for this one"
        }
    }
}
