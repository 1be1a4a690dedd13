import HTTPClient
import VideoTypes

/// The fields of a request for one server, or why it cannot be asked that way.
struct RemoteForm {
    private(set) var fields: [(name: String, text: String)] = []
    private(set) var obstacles: [ProviderCapabilities.Obstacle] = []
    /// nil where the server's default goes.
    private(set) var durationSeconds: Double?
    private let request: VideoRequest
    private let options: RemoteProviderOptions

    /// - Parameter isOurs: whether the server is a wan-infer.
    init(
        _ request: VideoRequest, _ options: RemoteProviderOptions, limits: ProviderCapabilities.Limits, isOurs: Bool
    ) {
        self.request = request
        self.options = options
        if let model = options.model { add("model", model) }
        addDuration(limits, isOurs: isOurs)
        addSize(limits)
        addFields(isOurs ? .own : options.fields == .extended ? .shared : .standard)
        addRest(limits, isOurs: isOurs)
    }

    /// The parts to be sent.
    var parts: [HTTPCall.FormPart] {
        var parts = [HTTPCall.FormPart("prompt", Array(request.prompt.utf8))]
        parts += fields.map { HTTPCall.FormPart($0.name, Array($0.text.utf8)) }
        for image in request.referenceImages {
            guard let name = RequestField[image.role.term]?.parameter?.name else { continue }
            parts.append(
                HTTPCall.FormPart(
                    name, image.bytes, fileName: "reference.\(image.format.rawValue)",
                    mediaType: image.format.mediaType))
        }
        return parts
    }

    /// What of it can be asked of our own server's capabilities.
    var query: String {
        let parts: [RequestField.Part] = [.clip, .sampling]
        let asked = RequestField.all.filter { parts.contains($0.part) && $0.term != .seed }
        let names = Set(asked.compactMap(\.parameter?.name) + ["model"])
        let pairs = fields.filter { names.contains($0.name) }.map { "\($0.name)=\(Self.escaped($0.text))" }
        return pairs.isEmpty ? "" : "?" + pairs.joined(separator: "&")
    }

    private static func escaped(_ text: String) -> String {
        var escaped = ""
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F:
                escaped.unicodeScalars.append(Unicode.Scalar(byte))
            default: escaped += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return escaped
    }

    private mutating func add(_ name: String, _ text: String) { fields.append((name, text)) }

    private mutating func refuse(_ parameter: String?, _ reason: String) {
        obstacles.append(ProviderCapabilities.Obstacle(reason, parameter: parameter))
    }
}

// Length and size.
extension RemoteForm {
    private mutating func addDuration(_ limits: ProviderCapabilities.Limits, isOurs: Bool) {
        durationSeconds = request.wantedSeconds
        if !isOurs, request.durationRule == .atLeast, let wanted = durationSeconds {
            let limit = limits.minDurationSeconds
            let listed = options.durationsSeconds.filter { $0 > wanted - 1e-6 }.min()
            durationSeconds = listed ?? (options.durationsSeconds.isEmpty ? max(wanted, limit) : wanted)
        }
        guard let seconds = durationSeconds else { return }
        guard seconds.isFinite, seconds > 0, seconds <= limits.maxDurationSeconds + 1e-9,
            seconds >= limits.minDurationSeconds - 1e-9
        else {
            let range = "\(Self.text(limits.minDurationSeconds)) to \(Self.text(limits.maxDurationSeconds))"
            return refuse("duration", "clips are \(range) s long here")
        }
        if !isOurs, !options.durationsSeconds.isEmpty {
            // Nothing is cut or stretched in silence.
            guard options.durationsSeconds.contains(where: { abs($0 - seconds) < 1e-6 }) else {
                let list = options.durationsSeconds.map(Self.text).joined(separator: ", ")
                return refuse("duration", "clips are \(list) s long here")
            }
        }
        // Frames say it exactly where the server knows them.
        if request.frames == nil || (!isOurs && options.fields == .standard) { add("seconds", Self.text(seconds)) }
    }

    private mutating func addSize(_ limits: ProviderCapabilities.Limits) {
        guard let size = wantedSize(limits) else { return }
        guard size.width > 0, size.height > 0, size.width <= 1 << 16, size.height <= 1 << 16,
            size.width * size.height <= limits.maxPixels
        else { return refuse("resolution", "at most \(limits.maxPixels) pixels are made here") }
        guard options.sizes.isEmpty || options.sizes.contains(size) else {
            let list = options.sizes.map(\.text).joined(separator: ", ")
            return refuse("resolution", "the sizes here are \(list)")
        }
        guard size.width % max(limits.sizeStep, 1) == 0, size.height % max(limits.sizeStep, 1) == 0 else {
            return refuse("resolution", "width and height come in multiples of \(limits.sizeStep) here")
        }
        if let ratios = limits.aspectRatios, let ratio = request.aspectRatio, !ratios.contains(ratio) {
            return refuse("aspect_ratio", "the aspect ratios here are \(ratios.map(\.description).sorted())")
        }
        add("size", size.text)
    }

    /// What was asked for in pixels, or in words made pixels; nil where nothing was said.
    private func wantedSize(_ limits: ProviderCapabilities.Limits) -> RemoteProviderOptions.Size? {
        if let width = request.width, let height = request.height { return .init(width: width, height: height) }
        guard let side = request.resolution?.shorterSide ?? (request.aspectRatio == nil ? nil : 720) else { return nil }
        let ratio = (request.aspectRatio ?? .landscape).value
        if let listed = options.sizes.first(where: { size in
            min(size.width, size.height) == side && abs(Double(size.width) / Double(size.height) - ratio) < 0.02
        }) {
            return listed
        }
        let step = Double(max(limits.sizeStep, 2))
        let long = Double(side) * max(ratio, 1 / ratio)
        let longer = Int((long / step).rounded() * step)
        let shorter = Int((Double(side) / step).rounded() * step)
        return ratio >= 1 ? .init(width: longer, height: shorter) : .init(width: shorter, height: longer)
    }

    /// "4", "2.5".
    static func text(_ number: Double) -> String {
        number == number.rounded() && abs(number) < 1e15 ? "\(Int(number))" : "\(number)"
    }
}

// Everything else.
extension RemoteForm {
    private typealias Dialect = RequestField.Dialect

    private mutating func addFields(_ spoken: Dialect) {
        for term in Self.sent {
            guard let field = RequestField[term], let text = text(of: field, spoken) else { continue }
            if let parameter = field.parameter, parameter.dialect.rawValue <= spoken.rawValue {
                add(parameter.name, text)
            } else if ![.quality, .durationRule].contains(term) {
                // Nothing is dropped in silence, but for what has a value in every request, or the length says.
                refuse(field.parameter?.name ?? field.jsonName, "the server's API has no such field")
            }
        }
    }

    /// Of these, what was given goes as it is; length, size, picture and sound have their own rules.
    private static let sent = [
        Term.negativePrompt, .frames, .framesPerSecond, .steps, .guidanceScale, .guidanceScale2, .guidanceSchedule,
        .seed, .flowShift, .scheduler, .sigmas, .attention, .quality, .adapters, .durationRule,
    ]

    /// nil where the request has none, or another field has said it.
    private func text(of field: RequestField, _ spoken: Dialect) -> String? {
        // A clip of frames and rate that only seconds could say has been said by them.
        if spoken == .standard, request.frames != nil, request.framesPerSecond != nil,
            [.frames, .framesPerSecond].contains(field.term)
        {
            return nil
        }
        switch field.value {
        case .text(let path): return request[keyPath: path]
        case .integer(let path, _): return request[keyPath: path].map { "\($0)" }
        case .number(let path, _): return request[keyPath: path].map(Self.text)
        // Only the low 32 bits matter.
        case .seed(let path): return request[keyPath: path].map { "\($0 > Int64.max ? $0 & 0xFFFF_FFFF : $0)" }
        case .word(let word), .words(let word): return word.text(request)
        case .numbers(let path): return request[keyPath: path].map { $0.map(Self.text).joined(separator: ",") }
        case .flag, .special: return nil
        }
    }

    private mutating func addRest(_ limits: ProviderCapabilities.Limits, isOurs: Bool) {
        if request.prompt.utf8.count > limits.maxPromptBytes {
            refuse("prompt", "prompts have at most \(limits.maxPromptBytes) bytes here")
        }
        let most = isOurs ? limits.maxReferenceImages : min(limits.maxReferenceImages, 1)
        if request.referenceImages.count > most {
            refuse(
                "reference_images",
                most == 0 ? "clips are made from text alone here" : "at most \(most) pictures are taken here")
        } else if !isOurs, request.referenceImages.contains(where: { $0.role == .last }) {
            refuse("reference_images", "the server's API has no picture that a clip ends with")
        }
        if request.shots != nil { refuse("shots", "it makes clips of one piece") }
        if request.cast != nil { refuse("cast", "characters and environments are the router's") }
        if request.continues != nil { refuse("continues", "it goes on from no former clip") }
        if request.wantsAudio {
            if !limits.makesAudio { refuse("audio", "clips have no sound here") }
            if isOurs { add("generate_sound", "true") }
        }
        // What is meant for a cloud by its name is no other's.
        let extras = request.extras.filter { !CloudNames.all.contains($0.key) }
        for (name, value) in extras.sorted(by: { $0.key < $1.key }) {
            add(extra: value, isOurs ? "extras[\(name)]" : name, depth: 0)
        }
    }

    /// As the openai client writes nested values into a form.
    private mutating func add(extra value: JSONText, _ name: String, depth: Int) {
        guard depth < 4 else { return refuse("extras", "they are nested too deeply") }
        switch value {
        case .null: return
        case .string(let text): add(name, text)
        case .array(let elements): for element in elements { add(extra: element, name + "[]", depth: depth + 1) }
        case .object(let pairs): for (key, value) in pairs { add(extra: value, "\(name)[\(key)]", depth: depth + 1) }
        default: add(name, value.description)
        }
    }
}
