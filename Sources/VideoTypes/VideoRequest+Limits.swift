extension VideoRequest {
    /// Limits that hold for every model.
    ///
    /// They stop absurd work before it starts, not merely large work.
    public enum Limits {
        public static let idBytes = 256
        public static let traceBytes = 256
        public static let promptBytes = 64 * 1024
        public static let durationSeconds = 0.01...3600.0
        public static let steps = 1...1000
        public static let frames = 1...4097
        public static let side = 1...8192
        public static let aspectRatioTerm = 1...1000
        /// The longer side may be this many times the shorter one.
        public static let aspectRatio = 8
        public static let framesPerSecond = 1...240
        public static let guidanceScale = 0.0...1000.0
        public static let flowShift = 0.01...100.0
        /// Smallest noise level, and smallest distance of two.
        public static let sigmaStep = 1e-4
        public static let costDollars = 0.0...1e6
        public static let latencySeconds = 0.0...1e7
        public static let referenceImages = 16
        public static let referenceImageBytes = 32 << 20
        public static let adapters = 16
        public static let adapterNameBytes = 4096
        public static let adapterStrength = -100.0...100.0
        public static let shots = 16
        public static let cast = 16
        public static let castNameBytes = 64
        public static let extras = 64
        /// Of one extra's name, and of all extras with their values as JSON.
        public static let extraNameBytes = 128
        public static let extrasBytes = 64 * 1024
    }

    /// Checks what can be checked without knowing the model.
    public func validate() throws(VideoError) {
        try validateID()
        try Self.validate(prompt, .prompt, "the prompt")
        try Self.validate(negativePrompt ?? "", .negativePrompt, "the negative prompt")
        for field in RequestField.all { try check(field) }
        try Self.check(.resolution, resolution?.shorterSide, Limits.side, "leave it out")
        try validateAspectRatio()
        try validateSigmas()
        try validateReferenceImages()
        try validateAdapters()
        try validateStory()
        try validateExtras()
        try validateTrace()
    }

    private func validateTrace() throws(VideoError) {
        let bytes = (traceParent ?? "").utf8
        guard bytes.count <= Limits.traceBytes, bytes.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalid(
                "traceParent must have at most \(Limits.traceBytes) visible ASCII characters",
                hint: "leave it out, or pass it on as it came")
        }
    }

    private func validateID() throws(VideoError) {
        guard !id.isEmpty, id.utf8.count <= Limits.idBytes, id.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
            throw .invalid(
                "the id must have 1 to \(Limits.idBytes) visible ASCII characters",
                hint: "leave it out for a random one")
        }
    }

    private static func validate(_ text: String, _ term: Term, _ name: String) throws(VideoError) {
        guard text.utf8.count <= Limits.promptBytes else {
            throw .invalid(
                "\(name) has \(text.utf8.count) bytes, the limit is \(Limits.promptBytes)", field: term,
                hint: "models read at most a few hundred words; shorten it")
        }
        guard !text.utf8.contains(0) else {
            throw .invalid("\(name) contains a zero byte", field: term, hint: "pass plain text")
        }
    }

    private func check(_ field: RequestField) throws(VideoError) {
        let hint: Wording = "leave \(field.term) out\(field.part == .terms ? "" : " to use the model's default")"
        switch field.value {
        case .integer(let path, let range): try Self.check(field.term, self[keyPath: path], range, hint)
        case .number(let path, let range): try Self.check(field.term, self[keyPath: path], range, hint)
        default: return
        }
    }

    private static func check<T: Comparable>(
        _ term: Term, _ value: T?, _ range: ClosedRange<T>, _ hint: Wording
    ) throws(VideoError) {
        guard let value else { return }
        // A NaN is in no range.
        guard range.contains(value) else {
            throw .invalid(
                "\(term) must be between \(range.lowerBound) and \(range.upperBound), got \(value)", field: term,
                hint: hint)
        }
    }

    private func validateAspectRatio() throws(VideoError) {
        guard let ratio = aspectRatio else { return }
        let terms = [ratio.width, ratio.height]
        guard terms.allSatisfy(Limits.aspectRatioTerm.contains),
            ratio.width <= Limits.aspectRatio * ratio.height, ratio.height <= Limits.aspectRatio * ratio.width
        else {
            throw .invalid(
                """
                the aspect ratio must be two numbers of 1 to \(Limits.aspectRatioTerm.upperBound), at most \
                \(Limits.aspectRatio) to 1, got \(ratio)
                """,
                field: .aspectRatio, hint: "example: 16:9")
        }
    }

    private func validateSigmas() throws(VideoError) {
        guard let sigmas else { return }
        let hint: Wording = "example: \(.sigmas, "1,0.75,0.5,0.25")"
        guard !sigmas.isEmpty, sigmas.count <= Limits.steps.upperBound else {
            throw .invalid(
                "\(.sigmas) must have 1 to \(Limits.steps.upperBound) values, got \(sigmas.count)", field: .sigmas,
                hint: hint)
        }
        var previous = Double.infinity
        for sigma in sigmas {
            // As in the schedule that walks them: differences are rounded in the same way there.
            guard sigma >= Limits.sigmaStep, sigma <= 1, previous - sigma >= Limits.sigmaStep else {
                throw .invalid(
                    "\(.sigmas) must fall from at most 1 in steps of at least \(Limits.sigmaStep), got \(sigma)",
                    field: .sigmas, hint: hint)
            }
            previous = sigma
        }
        if let steps, steps != sigmas.count {
            throw .invalid(
                "\(.steps) is \(steps) but \(.sigmas) has \(sigmas.count) values", field: .steps,
                hint: "leave \(.steps) out, the list sets it")
        }
    }

    private func validateReferenceImages() throws(VideoError) {
        guard referenceImages.count <= Limits.referenceImages else {
            throw .invalid(
                "\(referenceImages.count) reference images are given, the limit is \(Limits.referenceImages)",
                field: .referenceImages, hint: "leave some of them out")
        }
        for role in [PictureRole.first, .last] {
            let count = referenceImages.count { $0.role == role }
            guard count <= 1 else {
                throw .invalid(
                    "\(count) pictures are to be the \(role.rawValue) frame, a clip has one", field: .referenceImages,
                    hint: "leave all but one of them out")
            }
        }
        for image in referenceImages {
            guard !image.bytes.isEmpty, image.bytes.count <= Limits.referenceImageBytes else {
                throw .invalid(
                    "a reference image has \(image.bytes.count) bytes, 1 to \(Limits.referenceImageBytes) are read",
                    field: .referenceImages, hint: "use a smaller picture")
            }
        }
    }

    private func validateAdapters() throws(VideoError) {
        let adapters = adapters ?? []
        guard adapters.count <= Limits.adapters else {
            throw .invalid(
                "\(adapters.count) LoRAs are given, the limit is \(Limits.adapters)", field: .adapters,
                hint: "leave some of them out")
        }
        for adapter in adapters {
            let name = adapter.name.utf8
            guard !name.isEmpty, name.count <= Limits.adapterNameBytes, !name.contains(0) else {
                throw .invalid(
                    "the name of a LoRA must have 1 to \(Limits.adapterNameBytes) bytes, none of them zero",
                    field: .adapters, hint: "example: \(.adapters, "style.safetensors:0.8")")
            }
            // A NaN is in no range.
            guard Limits.adapterStrength.contains(adapter.strength) else {
                let limits = Limits.adapterStrength
                throw .invalid(
                    """
                    the strength of a LoRA must be between \(limits.lowerBound) and \(limits.upperBound), got \
                    \(adapter.strength)
                    """,
                    field: .adapters, hint: "example: \(.adapters, "style.safetensors:0.8")")
            }
        }
    }

    private func validateExtras() throws(VideoError) {
        guard extras.count <= Limits.extras else {
            throw .invalid(
                "\(extras.count) extras are given, the limit is \(Limits.extras)", hint: "leave some of them out")
        }
        var bytes = 0
        for (name, value) in extras {
            guard !name.isEmpty, name.utf8.count <= Limits.extraNameBytes else {
                throw .invalid(
                    "the name of an extra has \(name.utf8.count) bytes, from 1 to \(Limits.extraNameBytes) are allowed",
                    hint: "use the provider's own name")
            }
            guard value.isFinite else {
                throw .invalid("the extra '\(name)' holds a number that is not finite", hint: "leave it out")
            }
            bytes += name.utf8.count + value.description.utf8.count
        }
        guard bytes <= Limits.extrasBytes else {
            throw .invalid(
                "the extras have \(bytes) bytes together, the limit is \(Limits.extrasBytes)",
                hint: "leave some of them out")
        }
    }
}

extension JSONText {
    /// Whether every number in it can be written.
    fileprivate var isFinite: Bool {
        switch self {
        case .number(let value): value.isFinite
        case .array(let values): values.allSatisfy(\.isFinite)
        case .object(let pairs): pairs.allSatisfy { $0.1.isFinite }
        default: true
        }
    }
}
