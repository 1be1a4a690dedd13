import Glibc
import Pipelines
import VideoTypes
import Weights

/// Makes settings of a request: words become numbers that the model can make, what is left out its defaults.
struct RequestResolution {
    private let request: VideoRequest
    private let defaults: Manifest.Defaults
    private let grid: ClipGrid
    private let scheduler: Scheduler
    private let folderShift: Double?
    private let hasTwoExperts: Bool
    private let pictures: PictureNeeds
    private let modelName: String

    /// How near the model's own size a wish must be to mean it: 480p is 832 x 480 to Wan, not 848 x 480.
    private static let tolerance = 0.05

    /// - Parameter request: such as passed `validate`.
    init(
        _ request: VideoRequest, defaults: Manifest.Defaults, model: any VideoModel, modelName: String
    ) throws(VideoError) {
        self.request = request
        self.defaults = defaults
        grid = model.grid
        // A folder's own is judged only where it would be used.
        scheduler = if let named = request.scheduler { named } else { try model.folderScheduler() }
        folderShift = model.folderShift
        hasTwoExperts = model.hasTwoExperts
        pictures = model.pictures
        self.modelName = modelName
    }

    /// Every default filled in, and a random seed where the request names none.
    func settings() throws(VideoError) -> VideoSettings {
        try refuseWhatItCannotMake()
        let size = try size()
        let framesPerSecond = request.framesPerSecond ?? defaults.fps
        let scale = request.guidanceScale ?? defaults.guidance
        // A scale given for the first expert alone counts for both, as in Diffusers.
        let ownSecond = request.guidanceScale == nil ? defaults.guidance2 : nil
        return VideoSettings(
            prompts: Prompts(
                positive: request.prompt, negative: request.negativePrompt ?? defaults.negativePrompt),
            clip: ClipShape(
                width: size.width, height: size.height, frames: try frames(framesPerSecond),
                framesPerSecond: framesPerSecond),
            sampling: SamplingSettings(
                scheduler: scheduler,
                levels: request.sigmas.map { .sigmas($0) } ?? .steps(request.steps ?? steps),
                shift: request.flowShift ?? defaults.flowShift ?? folderShift,
                guidance: hasTwoExperts ? [scale, request.guidanceScale2 ?? ownSecond ?? scale] : [scale],
                guidanceSchedule: request.guidanceSchedule ?? .constant, attention: request.attention ?? .full,
                seed: request.seed ?? UInt64(UInt32.random(in: 0...UInt32.max))),
            tilesVAE: request.tilesVAE)
    }

    private func refuseWhatItCannotMake() throws(VideoError) {
        if request.guidanceScale2 != nil, !hasTwoExperts {
            throw .invalid(
                "\(.guidanceScale2) is for models with two experts, \(modelName) has one", field: .guidanceScale2,
                hint: "use \(.guidanceScale)")
        }
        guard !request.wantsAudio else {
            throw .invalid("\(modelName) makes no sound", field: .audio, hint: "ask for a clip without audio")
        }
        let tales: [(Term, Bool, String)] = [
            (.shots, request.shots != nil, "makes clips of one shot"),
            (.cast, request.cast != nil, "knows no characters and environments by name; a router does"),
            (.continues, request.continues != nil, "goes on from no former clip"),
        ]
        for (term, isGiven, reason) in tales where isGiven {
            throw .invalid("\(modelName) \(reason)", field: term, hint: "leave \(term) out")
        }
        if let image = request.referenceImages.first, pictures.isNone {
            throw .invalid(
                "\(modelName) makes clips from text alone and takes no reference images",
                field: image.role.term, hint: "describe the picture in the prompt")
        }
    }

    /// The model's own steps, half of them for a draft, half as many again for premium.
    private var steps: Int {
        let steps =
            switch request.quality {
            case .draft: (defaults.steps + 1) / 2
            case .standard: defaults.steps
            case .premium: defaults.steps + defaults.steps / 2
            }
        return min(steps, VideoRequest.Limits.steps.upperBound)
    }

    private func frames(_ framesPerSecond: Int) throws(VideoError) -> Int {
        guard let seconds = request.durationSeconds else { return request.frames ?? defaults.frames }
        let wanted = seconds * Double(framesPerSecond)
        let nearest = grid.frames(near: wanted)
        let isShort = request.durationRule == .atLeast && Double(nearest) < wanted - 1e-6
        let frames = nearest + (isShort ? grid.frameStep : 0)
        if let exact = request.frames, exact != frames {
            throw .invalid(
                "\(seconds) s at \(framesPerSecond) frames a second are \(frames) frames, but \(.frames) is \(exact)",
                field: .duration, hint: "give one of the two")
        }
        let limit = min(grid.maxFrames, VideoRequest.Limits.frames.upperBound)
        guard frames <= limit else {
            throw .invalid(
                "\(seconds) s at \(framesPerSecond) frames a second are \(frames) frames, the limit is \(limit)",
                field: .duration, hint: "ask for at most \(limit / framesPerSecond) s")
        }
        return frames
    }

    private func size() throws(VideoError) -> (width: Int, height: Int) {
        switch (request.width, request.height) {
        case (let width?, let height?): return (width, height)
        case (nil, nil): return sizeInWords()
        case (let width, let height):
            guard request.resolution == nil, request.aspectRatio == nil else {
                let (given, missing) = width == nil ? (Term.height, Term.width) : (.width, .height)
                throw .invalid(
                    "\(given) with \(.resolution) or \(.aspectRatio) leaves \(missing) open", field: given,
                    hint: "give \(.width) and \(.height), or neither")
            }
            return (width ?? defaults.width, height ?? defaults.height)
        }
    }

    private func sizeInWords() -> (width: Int, height: Int) {
        let own = (width: Double(defaults.width), height: Double(defaults.height))
        let ratio = request.aspectRatio?.value ?? own.width / own.height
        let wish: (width: Double, height: Double)
        if let side = request.resolution.map({ Double($0.shorterSide) }) {
            wish = ratio >= 1 ? (side * ratio, side) : (side, side / ratio)
        } else {
            // As many pixels as the model's own size has.
            let height = (own.width * own.height / ratio).squareRoot()
            wish = (height * ratio, height)
        }
        for candidate in [own, (width: own.height, height: own.width)]
        where isNear(candidate.width, wish.width) && isNear(candidate.height, wish.height) {
            return grid.size(nearWidth: candidate.width, height: candidate.height)
        }
        return grid.size(nearWidth: wish.width, height: wish.height)
    }

    private func isNear(_ value: Double, _ wish: Double) -> Bool { abs(log(value / wish)) <= Self.tolerance }
}
