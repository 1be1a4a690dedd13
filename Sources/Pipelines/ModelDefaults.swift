package import VideoTypes

/// What a request gets where it says nothing.
package struct ModelDefaults: Sendable {
    package var width: Int
    package var height: Int
    package var frames: Int
    package var framesPerSecond: Int
    package var steps: Int
    package var guidanceScale: Double
    package var guidanceScale2: Double?
    package var flowShift: Double
    package var scheduler: Scheduler
    package var negativePrompt: String
    package var samplePrompt: String

    package init(
        width: Int, height: Int, frames: Int, framesPerSecond: Int, steps: Int, guidanceScale: Double,
        guidanceScale2: Double?, flowShift: Double, scheduler: Scheduler, negativePrompt: String, samplePrompt: String
    ) {
        self.width = width
        self.height = height
        self.frames = frames
        self.framesPerSecond = framesPerSecond
        self.steps = steps
        self.guidanceScale = guidanceScale
        self.guidanceScale2 = guidanceScale2
        self.flowShift = flowShift
        self.scheduler = scheduler
        self.negativePrompt = negativePrompt
        self.samplePrompt = samplePrompt
    }
}

extension VideoSettings {
    /// The request with the defaults filled in.
    package init(_ request: VideoRequest, defaults: ModelDefaults, seed: UInt64) {
        let scale = request.guidanceScale ?? defaults.guidanceScale
        self.init(
            prompt: request.prompt, negativePrompt: request.negativePrompt ?? defaults.negativePrompt,
            width: request.width ?? defaults.width, height: request.height ?? defaults.height,
            frames: request.frames ?? defaults.frames,
            framesPerSecond: request.framesPerSecond ?? defaults.framesPerSecond,
            steps: request.sigmas?.count ?? request.steps ?? defaults.steps, guidanceScale: scale,
            // A scale given for the first expert alone counts for both, as in Diffusers.
            guidanceScale2: request.guidanceScale2 ?? (request.guidanceScale == nil ? defaults.guidanceScale2 : nil)
                ?? scale,
            flowShift: request.flowShift ?? defaults.flowShift, scheduler: request.scheduler ?? defaults.scheduler,
            sigmas: request.sigmas, seed: request.seed ?? seed, tilesVAE: request.tilesVAE)
    }
}
