import StrictJSON
import VideoTypes

/// A request as one model makes it: every choice made.
struct CloudOrder: Sendable, Hashable {
    let model: CloudModel
    let prompt: String
    let negativePrompt: String?
    let seconds: Int
    let format: CloudModel.Format
    let ratio: AspectRatio
    let hasSound: Bool
    let first: ReferenceImage?
    let last: ReferenceImage?
    let references: [ReferenceImage]
    /// Parts with words of their own; empty for a clip of one piece.
    let shots: [CloudShot]
    /// The cloud's own name for the clip that this one goes on from.
    let continues: String?
    let seed: UInt64?
    let steps: Int?
    let guidanceScale: Double?
    let framesPerSecond: Int?
    /// The cloud's own fields, none of which changes the price.
    let extras: [String: JSONText]
    /// Our own name for it: no other order ever has it.
    var reference = ""

    var size: RemoteProviderOptions.Size { format.size(ratio) }

    var hasPictures: Bool { first != nil || last != nil || !references.isEmpty }

    /// As the cloud names the model for such an order.
    var wire: String { hasPictures ? model.pictureWire ?? model.wire : model.wire }

    /// The low 31 bits: what every cloud takes.
    var smallSeed: JSONText? { seed.map { .integer(Int($0 & 0x7FFF_FFFF)) } }

    /// The extras behind fields that they do not repeat.
    func withExtras(_ members: [(String, JSONText?)]) -> [(String, JSONText?)] {
        members + extras.sorted { $0.key < $1.key }.map { ($0.key, Optional($0.value)) }
    }
}

/// Makes an order of a request, or says why the model cannot make it.
struct CloudOrderPlan {
    private(set) var obstacles: [ProviderCapabilities.Obstacle] = []
    private(set) var order: CloudOrder?
    let request: VideoRequest
    let model: CloudModel
    private let cloud: String
    /// Those of the request, and one to go on from.
    let pictures: [ReferenceImage]

    /// - Parameter day: today, in days since 1970; nil where no end of service counts.
    /// - Parameter former: what the clip goes on from, where it goes on from one.
    init(_ request: VideoRequest, _ model: CloudModel, cloud: String, day: Int?, former: FormerClip? = nil) {
        self.request = request
        self.model = model
        self.cloud = cloud
        if case .lastFrame(let picture) = former, model.pictures.takesFirst {
            pictures = request.referenceImages + [picture]
        } else {
            pictures = request.referenceImages
        }
        if let day, let end = model.retiresOn, end.days <= day {
            refuse("model", "the cloud has not served \(model.id) since \(end)")
        }
        checkPrompt()
        checkRest()
        checkPictures()
        check(former)
        let extras = ownExtras()
        guard let (seconds, format, ratio) = form(), let shots = shots(seconds), obstacles.isEmpty else { return }
        let picture = { [pictures] (role: PictureRole) in pictures.filter { $0.role == role } }
        var continued: String?
        if case .named(let name) = former { continued = name }
        order = CloudOrder(
            model: model, prompt: request.prompt, negativePrompt: request.negativePrompt, seconds: seconds,
            format: format, ratio: ratio,
            hasSound: model.sound == .always || model.sound == .chosen && request.wantsAudio,
            first: picture(.first).first, last: picture(.last).first, references: picture(.reference), shots: shots,
            continues: continued,
            seed: request.seed, steps: request.steps, guidanceScale: request.guidanceScale,
            framesPerSecond: model.takes.contains(.framesPerSecond) ? request.framesPerSecond : nil, extras: extras)
    }

    mutating func refuse(_ parameter: String?, _ reason: String) {
        obstacles.append(ProviderCapabilities.Obstacle(reason, parameter: parameter))
    }

    private mutating func checkPrompt() {
        let limit = model.promptLimit
        let count = limit.count(request.prompt)
        if count > limit.count { refuse("prompt", "the prompt has \(count) characters, it takes \(limit.count)") }
        if request.prompt.isEmpty, request.shots == nil { refuse("prompt", "it makes no clip without words") }
    }

    /// What the model is told of, or an obstacle: nothing is dropped in silence.
    private mutating func checkRest() {
        for field in RequestField.all where Self.isChecked(field) && isGiven(field) && !model.takes.contains(field.term)
        {
            refuse(field.parameter?.name ?? field.jsonName, "the cloud's model has no such field")
        }
        // Frames and their rate say a length together.
        let lone: [(Term, Bool)] = [
            (.framesPerSecond, request.framesPerSecond != nil && request.frames == nil),
            (.frames, request.frames != nil && request.framesPerSecond == nil),
        ]
        for (term, isGiven) in lone where isGiven && !model.takes.contains(term) {
            refuse(RequestField[term]?.parameter?.name, "the cloud's model has no such field")
        }
        if request.wantsAudio, model.sound == .never { refuse("audio", "clips have no sound here") }
    }

    /// Words, length, size, sound and pictures have rules of their own; a quality is chosen with the model.
    private static func isChecked(_ field: RequestField) -> Bool {
        switch field.part {
        case .prompts: field.term == .negativePrompt
        case .sampling: field.term != .quality
        case .inputs: ![.shots, .cast, .continues].contains(field.term)
        case .clip, .decoding, .terms: false
        }
    }

    private func isGiven(_ field: RequestField) -> Bool {
        switch field.value {
        case .text(let path): request[keyPath: path] != nil
        case .integer(let path, _): request[keyPath: path] != nil
        case .number(let path, _): request[keyPath: path] != nil
        case .numbers(let path): request[keyPath: path] != nil
        case .seed(let path): request[keyPath: path] != nil
        case .word(let word), .words(let word): word.text(request) != nil
        case .flag, .special: false
        }
    }

    private mutating func checkPictures() {
        let pictures = pictures
        let limits = model.pictures
        let count = { (role: PictureRole) in pictures.count { $0.role == role } }
        if count(.first) > (limits.takesFirst ? 1 : 0) {
            refuse("reference_images", "it takes no picture that a clip begins with")
        }
        if count(.last) > (limits.takesLast ? 1 : 0) {
            refuse("reference_images", "it takes no picture that a clip ends with")
        }
        if count(.reference) > limits.references {
            refuse("reference_images", "it takes \(limits.references) pictures of what a clip shows")
        }
        if limits.referencesStandAlone, count(.reference) > 0, count(.reference) < pictures.count {
            refuse("reference_images", "it takes pictures to begin and end with, or pictures of what a clip shows")
        }
        if limits.needsFirst, count(.first) == 0 {
            refuse("reference_images", "it makes no clip without a picture to begin with")
        } else if count(.last) > 0, count(.first) == 0 {
            refuse("reference_images", "it takes a last picture only behind a first one")
        }
        for picture in pictures {
            if !limits.formats.contains(picture.format) {
                let names = limits.formats.map(\.rawValue).sorted().joined(separator: ", ")
                refuse("reference_images", "a picture is \(picture.format.rawValue), it takes \(names)")
            }
            if picture.bytes.count > limits.maxBytes {
                refuse(
                    "reference_images",
                    "a picture has \(picture.bytes.count) bytes, it takes at most \(limits.maxBytes)")
            }
        }
    }

    private mutating func ownExtras() -> [String: JSONText] {
        for name in request.extras.keys.sorted() where !CloudNames.all.contains(name) {
            refuse("extras", "'\(name.printable)' is no cloud's name: fields of its own go into extras[\"\(cloud)\"]")
        }
        guard let own = request.extras[cloud] else { return [:] }
        guard case .object(let members) = own else {
            refuse("extras", "extras[\"\(cloud)\"] must be an object")
            return [:]
        }
        var extras: [String: JSONText] = [:]
        for (name, value) in members {
            guard model.extras.contains(name), extras[name] == nil else {
                let known = model.extras.isEmpty ? "none" : model.extras.sorted().joined(separator: ", ")
                refuse("extras", "'\(name.printable)' is not passed on, it could change the price; known: \(known)")
                continue
            }
            extras[name] = value
        }
        return extras
    }
}

/// The clouds there are, as extras and configurations name them.
enum CloudNames {
    static let all: Set<String> = [
        "openai", "gemini", "omni", "vertex", "runway", "fal", "minimax", "kling", "replicate", "luma", "luma-agents",
        "together",
    ]
}
