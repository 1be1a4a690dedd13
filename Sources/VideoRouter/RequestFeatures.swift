package import VideoTypes

/// What a request asks of a provider, without its words.
package struct RequestFeatures: Sendable, Hashable {
    package var promptBytes: Int
    package var quality: Quality
    package var wantsAudio: Bool
    package var referenceImages: Int
    package var durationSeconds: Double?
    package var isLeastDuration: Bool
    package var resolution: Resolution?
    package var aspectRatio: AspectRatio?
    package var width: Int?
    package var height: Int?
    package var frames: Int?
    package var framesPerSecond: Int?
    package var steps: Int?
    package var hasSeed: Bool
    package var maxCostDollars: Double?
    package var maxLatencySeconds: Double?
    /// Providers that the policy's content rules name.
    package var preferred: Set<String> = []

    package init(_ request: VideoRequest) {
        promptBytes = request.prompt.utf8.count
        quality = request.quality
        wantsAudio = request.wantsAudio
        referenceImages = request.referenceImages.count
        durationSeconds = request.frames == nil ? request.wantedSeconds : request.durationSeconds
        isLeastDuration = request.durationRule == .atLeast
        resolution = request.resolution
        aspectRatio = request.aspectRatio
        width = request.width
        height = request.height
        frames = request.frames
        framesPerSecond = request.framesPerSecond
        steps = request.steps
        hasSeed = request.seed != nil
        maxCostDollars = request.maxCostDollars
        maxLatencySeconds = request.maxLatencySeconds
    }
}

extension RequestFeatures {
    /// How long a clip is asked for; nil where the model chooses.
    package var seconds: Double? {
        guard let frames, let framesPerSecond, framesPerSecond > 0 else { return durationSeconds }
        return Double(frames) / Double(framesPerSecond)
    }

    /// Sizes in words are rounded by every model in its own way: so much more does no harm.
    private static let roundingFactor = 1.05
    /// The same for durations, in seconds.
    private static let roundingSeconds = 0.3

    /// What the limits of a provider have against the request.
    package func obstacles(_ limits: ProviderCapabilities.Limits) -> [RoutingObstacle] {
        var found: [RoutingObstacle] = []
        func add(_ reason: String, _ parameter: String) {
            found.append(RoutingObstacle(.limits, reason, parameter: parameter))
        }
        if promptBytes > limits.maxPromptBytes {
            add("the prompt has \(promptBytes) bytes, it takes \(limits.maxPromptBytes)", "prompt")
        }
        if wantsAudio, !limits.makesAudio { add("it makes no sound", "audio") }
        if referenceImages > limits.maxReferenceImages {
            add("\(referenceImages) reference images, it takes \(limits.maxReferenceImages)", "reference_images")
        }
        if let framesPerSecond, !limits.framesPerSecond.contains(framesPerSecond) {
            let range = limits.framesPerSecond
            add("\(framesPerSecond) frames a second, it makes \(range.lowerBound) to \(range.upperBound)", "fps")
        }
        if let frames, limits.frameStep > 1, frames % limits.frameStep != 1 {
            add("\(frames) frames, it makes \(limits.frameStep)k + 1", "frames")
        }
        addDuration(limits, add)
        addSize(limits, add)
        return found
    }

    private func addDuration(_ limits: ProviderCapabilities.Limits, _ add: (String, String) -> Void) {
        guard let seconds else { return }
        let parameter = frames == nil ? "duration" : "frames"
        let slack = frames == nil ? Self.roundingSeconds : 1e-6
        if seconds > limits.maxDurationSeconds + slack {
            add("\(seconds) s, it makes at most \(limits.maxDurationSeconds) s", parameter)
        }
        if seconds < limits.minDurationSeconds - slack, !isLeastDuration {
            add("\(seconds) s, it makes at least \(limits.minDurationSeconds) s", parameter)
        }
    }

    private func addSize(_ limits: ProviderCapabilities.Limits, _ add: (String, String) -> Void) {
        let step = max(limits.sizeStep, 1)
        for (side, name) in [(width, "width"), (height, "height")] {
            if let side, side % step != 0 { add("\(name) \(side), it makes multiples of \(step)", name) }
        }
        if let pixels, pixels > Double(limits.maxPixels) * (hasExactSize ? 1 : Self.roundingFactor) {
            let parameter = hasExactSize ? "size" : resolution == nil ? "size" : "resolution"
            add("\(Int(pixels)) pixels, it makes at most \(limits.maxPixels)", parameter)
        }
        guard let allowed = limits.aspectRatios, let wanted = ratio else { return }
        // 832x480 passes for 16:9.
        if !allowed.contains(where: { abs($0.value / wanted - 1) < Self.roundingFactor - 1 }) {
            let names = allowed.map(\.description).sorted().joined(separator: ", ")
            add("it makes only \(names)", aspectRatio == nil ? "size" : "aspect_ratio")
        }
    }

    private var hasExactSize: Bool { width != nil && height != nil }

    /// Width divided by height; nil where the request does not say.
    private var ratio: Double? {
        if let width, let height, height > 0 { return Double(width) / Double(height) }
        return aspectRatio?.value
    }

    /// nil where the request does not say.
    private var pixels: Double? {
        if let width, let height { return Double(width) * Double(height) }
        if let side = width ?? height { return Double(side) }
        guard let resolution else { return nil }
        let ratio = aspectRatio?.value ?? AspectRatio.landscape.value
        return Double(resolution.shorterSide) * Double(resolution.shorterSide) * max(ratio, 1 / ratio)
    }
}
