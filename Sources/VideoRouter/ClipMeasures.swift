package import VideoTypes

/// What decoding a clip shows, in numbers.
package struct ClipMeasures: Sendable, Hashable {
    package var frames = 0
    package var width = 0
    package var height = 0
    package var durationSeconds = 0.0
    /// Of all pixels, from 0 to 255.
    package var meanLuma = 0.0
    /// The brightness of which one pixel in a thousand of the darkest, and of the brightest, goes beyond.
    package var darkest = 0.0
    package var brightest = 0.0
    /// The share of frames that show one colour and nothing else.
    package var flatShare = 0.0
    /// The largest step of any pixel between a frame and the next.
    package var largestStep = 0.0
    /// Mean distance of a frame from the one before, over all frames; and the largest of them.
    package var meanMotion = 0.0
    package var largestMotion = 0.0
    /// How much brightness goes back and forth from frame to frame.
    package var flicker = 0.0
    /// Frames that have little to do with the one before.
    package var cuts = 0
    /// The variance of the Laplacian, the middle one of all frames: edges make it large.
    package var sharpness = 0.0

    package var json: JSONText {
        .object([
            ("frames", .integer(frames)), ("width", .integer(width)), ("height", .integer(height)),
            ("duration_seconds", .number(durationSeconds)), ("mean_luma", .number(meanLuma)),
            ("darkest", .number(darkest)), ("brightest", .number(brightest)), ("flat_share", .number(flatShare)),
            ("largest_step", .number(largestStep)), ("mean_motion", .number(meanMotion)),
            ("largest_motion", .number(largestMotion)), ("flicker", .number(flicker)), ("cuts", .integer(cuts)),
            ("sharpness", .number(sharpness)),
        ])
    }
}

extension ClipJudgement {
    package var json: JSONText {
        .object([
            ("verdict", .string(name)), ("warnings", .array(warnings.map(JSONText.string))),
            ("measures", measures?.json ?? .null),
        ])
    }

    private var name: String {
        switch verdict {
        case .good: warnings.isEmpty ? "good" : "good_with_warnings"
        case .empty: "empty"
        case .broken: "broken"
        }
    }
}
