package import VideoTypes

/// A clip to be made, being made or made, as the journal has it.
package struct Job: Sendable, Hashable {
    package let id: JobID
    /// Orders jobs that were created in the same second.
    package let number: Int
    /// Which key's; nil where the server asks for none.
    package let owner: String?
    package let order: JobOrder
    package var state: State
    /// Seconds since 1970.
    package let createdAt: Int
    package var startedAt: Int?
    package var finishedAt: Int?
    /// When the file goes; set when the job is finished.
    package var expiresAt: Int?
    /// Attempts begun so far: the fence against workers that come late.
    package var attempt: Int
    package var progress: VideoProgress?
    /// Of a clip that a worker of ours made.
    package var report: ClipReport?
    /// Of a clip that a router had made.
    package var routedClip: VideoResult?
    package var output: OutputFacts?
    package var error: VideoError?
    /// Whether the file of a completed job was removed: it expired, or made room for others.
    package var isFileGone: Bool

    package init(
        id: JobID, number: Int, owner: String?, order: JobOrder, state: State, createdAt: Int, attempt: Int,
        isFileGone: Bool
    ) {
        self.id = id
        self.number = number
        self.owner = owner
        self.order = order
        self.state = state
        self.createdAt = createdAt
        self.attempt = attempt
        self.isFileGone = isFileGone
    }

    package enum State: String, Sendable, Hashable, CaseIterable {
        case queued
        case inProgress = "in_progress"
        case completed
        case failed

        package var isFinal: Bool { self == .completed || self == .failed }
    }
}

/// What was ordered: all that a worker needs, and all that is told again to who asked.
package struct JobOrder: Sendable, Hashable, Codable {
    /// For a worker of ours; nil where a router is asked.
    package var plan: ClipPlan?
    /// For a router; nil where a worker of ours makes it.
    package var routed: RoutedOrder?
    /// Higher goes first.
    package var priority: Int
    /// That was asked for, in one word; what it came to is in the plan.
    package var quality: Quality?
    package var remixedFrom: JobID?
    package var webhook: String?
    package var expiresAfterSeconds: Int
    package var metadata: [String: String]
    /// Of the parsed request: what it asks for, in one value.
    package var requestHash: String

    package init(plan: ClipPlan, requestHash: String, expiresAfterSeconds: Int) {
        self.init(plan, nil, requestHash, expiresAfterSeconds)
    }

    package init(routed: RoutedOrder, requestHash: String, expiresAfterSeconds: Int) {
        self.init(nil, routed, requestHash, expiresAfterSeconds)
    }

    private init(_ plan: ClipPlan?, _ routed: RoutedOrder?, _ requestHash: String, _ expiresAfterSeconds: Int) {
        self.plan = plan
        self.routed = routed
        self.requestHash = requestHash
        self.expiresAfterSeconds = expiresAfterSeconds
        priority = 0
        metadata = [:]
    }

    /// What it takes here: of a clip made elsewhere, room on the disk.
    package var work: WorkEstimate {
        let nothing = WorkEstimate(tokens: 0, passes: 0, decodedPixels: 0, flops: [:], peakBytes: [:])
        return plan?.work ?? routed?.work ?? nothing
    }

    /// Of the pictures that came with it.
    package var pictureRoles: [PictureRole] { plan?.settings.inputs.map(\.role) ?? routed?.pictures ?? [] }
}

/// A request for a router, which settles who makes it when its turn comes.
package struct RoutedOrder: Sendable, Hashable, Codable {
    /// Without its pictures, which lie beside the journal; its id is the job's.
    package var request: VideoRequest
    package var pictures: [PictureRole]
    /// The only one who may make it; nil for any.
    package var provider: String?
    package var model: String?
    /// As it looked when it was ordered; nil where nobody could tell.
    package var estimate: TimeEstimate?
    package var quotedDollars: Double?

    package init(_ request: VideoRequest, provider: String? = nil, model: String? = nil) {
        pictures = request.referenceImages.map(\.role)
        self.request = request
        self.request.referenceImages = []
        self.provider = provider
        self.model = model
    }

    /// Where its size is not known yet, that of a large clip.
    package var work: WorkEstimate {
        let pixels = (request.width ?? 1920) * (request.height ?? 1080)
        let seconds = Int((request.durationSeconds ?? 10).rounded(.up))
        let frames = request.frames ?? (request.framesPerSecond ?? 30) * min(max(seconds, 1), 3600)
        return WorkEstimate(tokens: 0, passes: 0, decodedPixels: pixels * frames, flops: [:], peakBytes: [:])
    }
}

/// The finished file.
package struct OutputFacts: Sendable, Hashable, Codable {
    package let byteCount: Int
    package let sha256: String

    package init(byteCount: Int, sha256: String) {
        self.byteCount = byteCount
        self.sha256 = sha256
    }
}
