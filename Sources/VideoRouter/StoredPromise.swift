import FoundationEssentials
import StrictJSON
import VideoTypes

/// A kept request as it lies on the disk.
struct StoredPromise: Codable {
    let promise: VideoPromise
    let provider: String?
    let model: String?
    let allowsPromise: Bool
    let request: Request

    init(_ kept: KeptRequest) {
        promise = kept.promise
        provider = kept.options.provider
        model = kept.options.model
        allowsPromise = kept.options.allowsPromise
        request = Request(kept.request)
    }

    /// nil where the request is none.
    var kept: KeptRequest? {
        guard let request = request.value else { return nil }
        return KeptRequest(
            request: request, options: RoutingOptions(provider: provider, model: model, allowsPromise: allowsPromise),
            promise: promise)
    }
}

extension StoredPromise {
    /// Every field of a request.
    struct Request: Codable {
        var id: String
        var prompt: String
        var negativePrompt: String?
        var durationSeconds: Double?
        var resolution: Resolution?
        var aspectRatio: AspectRatio?
        var quality: Quality
        var wantsAudio: Bool
        var referenceImages: [Image]
        var maxCostDollars: Double?
        var maxLatencySeconds: Double?
        /// As JSON.
        var extras: [String: String]
        var width: Int?
        var height: Int?
        var frames: Int?
        var framesPerSecond: Int?
        var steps: Int?
        var guidanceScale: Double?
        var guidanceScale2: Double?
        var flowShift: Double?
        var scheduler: Scheduler?
        var sigmas: [Double]?
        var seed: UInt64?
        var tilesVAE: Bool
    }

    struct Image: Codable {
        var bytes: Data
        var format: String
    }
}

extension StoredPromise.Request {
    init(_ request: VideoRequest) {
        id = request.id
        prompt = request.prompt
        negativePrompt = request.negativePrompt
        durationSeconds = request.durationSeconds
        resolution = request.resolution
        aspectRatio = request.aspectRatio
        quality = request.quality
        wantsAudio = request.wantsAudio
        referenceImages = request.referenceImages.map { .init(bytes: Data($0.bytes), format: $0.format.rawValue) }
        maxCostDollars = request.maxCostDollars
        maxLatencySeconds = request.maxLatencySeconds
        extras = request.extras.mapValues(\.description)
        width = request.width
        height = request.height
        frames = request.frames
        framesPerSecond = request.framesPerSecond
        steps = request.steps
        guidanceScale = request.guidanceScale
        guidanceScale2 = request.guidanceScale2
        flowShift = request.flowShift
        scheduler = request.scheduler
        sigmas = request.sigmas
        seed = request.seed
        tilesVAE = request.tilesVAE
    }

    /// nil where an extra is no JSON or a picture of no known format.
    var value: VideoRequest? {
        var request = VideoRequest(prompt: prompt, quality: quality, tilesVAE: tilesVAE)
        request.id = id
        request.negativePrompt = negativePrompt
        request.durationSeconds = durationSeconds
        request.resolution = resolution
        request.aspectRatio = aspectRatio
        request.wantsAudio = wantsAudio
        for image in referenceImages {
            guard let format = ReferenceImage.Format(rawValue: image.format) else { return nil }
            request.referenceImages.append(ReferenceImage(bytes: Array(image.bytes), format: format))
        }
        request.maxCostDollars = maxCostDollars
        request.maxLatencySeconds = maxLatencySeconds
        for (name, text) in extras {
            guard let value = try? JSONValue(Array(text.utf8)) else { return nil }
            request.extras[name] = JSONText(value)
        }
        request.width = width
        request.height = height
        request.frames = frames
        request.framesPerSecond = framesPerSecond
        request.steps = steps
        request.guidanceScale = guidanceScale
        request.guidanceScale2 = guidanceScale2
        request.flowShift = flowShift
        request.scheduler = scheduler
        request.sigmas = sigmas
        request.seed = seed
        return request
    }
}

extension JSONText {
    /// The same value, to be written again.
    init(_ value: JSONValue) {
        switch value {
        case .null: self = .null
        case .bool(let flag): self = .bool(flag)
        case .number(let text):
            if let integer = Int(text) {
                self = .integer(integer)
            } else if let unsigned = UInt64(text) {
                self = .unsigned(unsigned)
            } else {
                self = .number(Double(text) ?? .nan)
            }
        case .string(let text): self = .string(text)
        case .array(let elements): self = .array(elements.map(JSONText.init))
        case .object(let members):
            self = .object(
                members.map { (String(decoding: $0, as: UTF8.self), JSONText($1)) }.sorted { $0.0 < $1.0 })
        }
    }
}
