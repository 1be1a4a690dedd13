import Media
import VideoTypes

/// Looks at a finished clip on this machine: no network, no model, the same answer every time.
package struct QualityGate: Sendable {
    package init() {}

    /// Decodes the whole clip and measures it.
    package func judge(_ path: String, _ expected: ClipExpectation) -> ClipJudgement {
        var statistics = ClipStatistics()
        let measures: ClipMeasures
        do throws(MediaError) {
            let facts = try Self.facts(path, &statistics)
            measures = statistics.finished(durationSeconds: facts)
        } catch {
            return ClipJudgement(.broken("the file does not decode: \(error.videoError.message)"))
        }
        if let reason = Self.mismatch(measures, expected) {
            return ClipJudgement(.broken(reason), measures: measures)
        }
        if let (reason, isFault) = Self.emptiness(measures) {
            return ClipJudgement(.empty(reason, isFault: isFault), measures: measures)
        }
        return ClipJudgement(.good, measures: measures, warnings: Self.warnings(measures))
    }

    /// Measures every frame; gives the duration in seconds.
    private static func facts(_ path: String, _ statistics: inout ClipStatistics) throws(MediaError) -> Double {
        var found = ClipStatistics()
        var frames = 0
        try MP4Reader(path: path).forEachFrame { frame throws(MediaError) in
            frames += 1
            guard frames <= mostFrames else { throw .notAClip(path: path, reason: "it has too many frames") }
            guard frame.width <= VideoRequest.Limits.side.upperBound,
                frame.height <= VideoRequest.Limits.side.upperBound
            else { throw .notAClip(path: path, reason: "its frames are too large") }
            found.add(frame)
        }
        statistics = found
        return try MP4Reader(path: path).facts().durationSeconds
    }

    private static let mostFrames = 2 * VideoRequest.Limits.frames.upperBound
}

// What a clip must be. Measured on clips of the built-in model, which hold one object on a plain background, still at
// times: the hardest that good clips make it.
extension QualityGate {
    /// Sizes and durations in words are rounded by the model: a third of a second, or a twentieth.
    private static let durationSlackSeconds = 0.3
    private static let durationSlackShare = 0.05
    /// Encoders repeat the last column or row of an odd size.
    private static let sizeSlack = 1
    /// Darker than this all over is black: an object of a thousandth of the picture would show.
    static let blackLimit = 24.0
    static let whiteLimit = 232.0
    /// One colour: all pixels of a frame within so many steps.
    static let flatRange = 6
    /// So large a share of frames of one colour makes a clip of one colour.
    static let flatShareLimit = 0.5
    /// No colour of any pixel ever changes by more, nor all of them by so much on average: a picture, no clip.
    ///
    /// An encoder polishes a picture that stands still by 5 steps and 0.03; clips of an object that stays still have
    /// steps of 77 and 0.95 on average.
    static let frozenStep = 12.0
    static let frozenMotion = 0.1
    /// Frames further apart than this have little to do with each other.
    static let cutMotion = 48.0
    /// More of them than one in so many frames is more than a change of scene.
    static let framesPerCut = 16
    /// Levels of brightness that go back and forth; clips of the built-in model have 0.1.
    static let flickerLimit = 6.0
    /// Less is a blur: the softest of the built-in model's clips have 7.
    static let sharpnessLimit = 2.0

    private static func mismatch(_ found: ClipMeasures, _ expected: ClipExpectation) -> String? {
        guard found.frames > 0 else { return "the clip has no frames" }
        if let width = expected.width, abs(found.width - width) > sizeSlack {
            return "the clip is \(found.width) wide, not \(width)"
        }
        if let height = expected.height, abs(found.height - height) > sizeSlack {
            return "the clip is \(found.height) high, not \(height)"
        }
        if let frames = expected.frames, found.frames != frames {
            return "the clip has \(found.frames) frames, not \(frames)"
        }
        if let seconds = expected.durationSeconds {
            let slack = max(durationSlackSeconds, seconds * durationSlackShare)
            let isLonger = expected.isLeastDuration && found.durationSeconds > seconds
            guard isLonger || abs(found.durationSeconds - seconds) <= slack else {
                return "the clip lasts \(found.durationSeconds) s, not \(seconds) s"
            }
        }
        return nil
    }

    /// Why a clip shows nothing, and whether that tells of a fault.
    private static func emptiness(_ found: ClipMeasures) -> (String, isFault: Bool)? {
        // Services that refuse a prompt without a word deliver black.
        if found.brightest < blackLimit { return ("the clip is black", false) }
        if found.darkest > whiteLimit { return ("the clip is white", false) }
        // Latents that are not a number decode to one colour, grey mostly.
        if found.flatShare >= flatShareLimit { return ("the clip is one flat colour", true) }
        if found.frames > 1, found.largestStep <= frozenStep, found.meanMotion <= frozenMotion {
            return ("the clip is frozen", false)
        }
        return nil
    }

    private static func warnings(_ found: ClipMeasures) -> [String] {
        var warnings: [String] = []
        if found.cuts > 1 + found.frames / framesPerCut { warnings.append("the picture jumps \(found.cuts) times") }
        if found.flicker > flickerLimit { warnings.append("the brightness flickers") }
        if found.sharpness < sharpnessLimit { warnings.append("the picture is blurred") }
        return warnings
    }
}
