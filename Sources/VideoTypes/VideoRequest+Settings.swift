extension VideoRequest {
    /// What was made once, to be made again: every default as it was.
    package init(_ settings: VideoSettings) {
        self.init(prompt: settings.prompts.positive, tilesVAE: settings.tilesVAE)
        let (clip, sampling) = (settings.clip, settings.sampling)
        negativePrompt = settings.prompts.negative
        (width, height) = (clip.width, clip.height)
        (frames, framesPerSecond) = (clip.frames, clip.framesPerSecond)
        switch sampling.levels {
        case .steps(let count): steps = count
        case .sigmas(let levels): sigmas = levels
        }
        guidanceScale = sampling.guidance(ofExpert: 0)
        guidanceScale2 = sampling.guidance.dropFirst().first
        if sampling.guidanceSchedule != .constant { guidanceSchedule = sampling.guidanceSchedule }
        if sampling.attention != .full { attention = sampling.attention }
        flowShift = sampling.shift
        scheduler = sampling.scheduler
        seed = sampling.seed
        guard !settings.adapters.isEmpty else { return }
        adapters = settings.adapters.map {
            AdapterChoice($0.name, strength: $0.strength, expert: $0.expert, steps: $0.steps)
        }
    }
}
