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
    package var report: ClipReport?
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
    package var plan: ClipPlan
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
        self.plan = plan
        self.requestHash = requestHash
        self.expiresAfterSeconds = expiresAfterSeconds
        priority = 0
        metadata = [:]
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
