/// What has another name on every surface: to the command, to the API and in this library.
public enum Term: String, Sendable, Hashable, Codable, CaseIterable {
    case prompt
    case negativePrompt
    case duration
    case durationRule
    case shots
    case continues
    case cast
    case resolution
    case aspectRatio
    case size
    case width
    case height
    case frames
    case framesPerSecond
    case steps
    case guidanceScale
    case guidanceScale2
    case guidanceSchedule
    case flowShift
    case scheduler
    case sigmas
    case seed
    case quality
    case attention
    case tilesVAE
    case audio
    case adapters
    case adapterFolder
    case referenceImages
    /// Of these, the one that the clip ends with.
    case lastImage
    case maxCost
    case maxLatency
    case extras
    case model
    case transformer
    case transformer2
    case vae
    case textEncoder
    case imageEncoder
    case tokenizer
    case device
    case dtype
    case threads
    case memoryLimit
    case offload
    case stateFolder
    case host
    case keyFile
    case hostNames
    case origins
    case webhookHosts
    case localWebhookHosts
    case webhookSecretFile
    /// The test of what this machine can do.
    case doctor
    /// The list of models.
    case models
    /// The service.
    case serve
}

/// How one surface spells terms.
public struct Vocabulary: Sendable {
    private let spell: @Sendable (Term, _ value: String?) -> String?

    /// - Parameter spell: a term, or a term set to a value; nil for what the surface has not.
    public init(_ spell: @escaping @Sendable (Term, _ value: String?) -> String?) {
        self.spell = spell
    }

    public func spelled(_ term: Term, _ value: String? = nil) -> String? { spell(term, value) }

    /// The names that the properties of this library have; what it has not is called by its plain name.
    public static let library = Vocabulary { term, value in
        let name =
            switch term {
            case .duration: "durationSeconds"
            case .audio: "wantsAudio"
            case .lastImage: "referenceImages"
            case .maxCost: "maxCostDollars"
            case .maxLatency: "maxLatencySeconds"
            case .doctor: "wan-infer doctor"
            case .models: "wan-infer models"
            case .serve: "wan-infer serve"
            default: term.rawValue
            }
        if term == .models, let value { return "\(name) \(value)" }
        return value.map { "\(name) = \($0)" } ?? name
    }
}
