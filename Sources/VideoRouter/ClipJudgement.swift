package import VideoTypes

/// What a clip must be.
package struct ClipExpectation: Sendable, Hashable {
    /// nil where any will do.
    package var width: Int?
    package var height: Int?
    package var frames: Int?
    package var durationSeconds: Double?
    /// Whether a longer one will do.
    package var isLeastDuration = false

    package init(width: Int? = nil, height: Int? = nil, frames: Int? = nil, durationSeconds: Double? = nil) {
        self.width = width
        self.height = height
        self.frames = frames
        self.durationSeconds = durationSeconds
    }

    /// What was asked for; where the request leaves it open, what the provider says it made.
    package init(_ request: VideoRequest, _ clip: VideoResult) {
        width = request.width ?? clip.width
        height = request.height ?? clip.height
        frames = request.frames ?? clip.frames
        let features = RequestFeatures(request)
        durationSeconds = features.seconds ?? clip.durationSeconds
        isLeastDuration = features.isLeastDuration
    }
}

/// What the quality gate thinks of a clip.
package struct ClipJudgement: Sendable, Hashable {
    package let verdict: Verdict
    /// nil where the clip could not be measured.
    package let measures: ClipMeasures?
    /// What is not as it should be, though no reason to withhold the clip.
    package let warnings: [String]

    package init(_ verdict: Verdict, measures: ClipMeasures? = nil, warnings: [String] = []) {
        self.verdict = verdict
        self.measures = measures
        self.warnings = warnings
    }

    package enum Verdict: Sendable, Hashable {
        case good
        /// A clip, but one that shows nothing: another seed may help.
        ///
        /// `isFault`: whether it tells that something is wrong with the provider.
        case empty(String, isFault: Bool)
        /// No clip, or not the one that was asked for.
        case broken(String)
    }
}
