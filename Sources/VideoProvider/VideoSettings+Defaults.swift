import VideoTypes
import Weights

extension VideoSettings {
    /// The request with the model's defaults filled in, and a random seed where it names none.
    init(
        _ request: VideoRequest, defaults: Manifest.Defaults,
        folderScheduler: (scheduler: Scheduler, flowShift: Double), hasTwoExperts: Bool
    ) {
        let scale = request.guidanceScale ?? defaults.guidance
        // A scale given for the first expert alone counts for both, as in Diffusers.
        let ownSecond = request.guidanceScale == nil ? defaults.guidance2 : nil
        self.init(
            prompt: request.prompt, negativePrompt: request.negativePrompt ?? defaults.negativePrompt,
            width: request.width ?? defaults.width, height: request.height ?? defaults.height,
            frames: request.frames ?? defaults.frames, framesPerSecond: request.framesPerSecond ?? defaults.fps,
            steps: request.sigmas?.count ?? request.steps ?? defaults.steps, guidanceScale: scale,
            guidanceScale2: hasTwoExperts ? request.guidanceScale2 ?? ownSecond ?? scale : nil,
            flowShift: request.flowShift ?? defaults.flowShift ?? folderScheduler.flowShift,
            scheduler: request.scheduler ?? folderScheduler.scheduler, sigmas: request.sigmas,
            seed: request.seed ?? UInt64(UInt32.random(in: 0...UInt32.max)), tilesVAE: request.tilesVAE)
    }
}
