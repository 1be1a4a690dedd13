package import JobStore

/// Whether a new job is taken.
package enum Admission: Sendable, Hashable {
    case accept
    case refuse(Refusal)
}

/// Why a new job is not taken, and when to ask again.
package struct Refusal: Sendable, Hashable {
    package let reason: Reason
    /// When what stands in the way should be gone.
    package let retryAfterSeconds: Double

    package enum Reason: String, Sendable, Hashable, CaseIterable {
        case queueFull = "queue_full"
        case ownShareFull = "own_share_full"
        case queueTooLong = "queue_too_long"
        case diskReserve = "disk_reserve"
        case folderUnusable = "folder_unusable"
        case draining
        case unhealthy
    }

    /// The disk or the folder is not what it was.
    package static let folderUnusable = Refusal(reason: .folderUnusable, retryAfterSeconds: 30)

    /// Whether room for another clip is a matter of waiting for those before it.
    package var isOfTheQueue: Bool { reason == .queueFull || reason == .queueTooLong }

    /// For clients.
    package var message: String {
        switch reason {
        case .queueFull: "the queue is full"
        case .ownShareFull: "the places that are left in the queue are kept for other keys"
        case .queueTooLong: "the queue would take longer than this service lets a job wait"
        case .diskReserve: "there is no room on the disk for another clip"
        case .folderUnusable: "clips cannot be stored: the service's folder cannot be used now"
        case .draining: "the service is stopping"
        case .unhealthy: "the engine fails again and again; somebody must look at it"
        }
    }
}

/// What became of a submission.
package enum SubmitOutcome: Sendable {
    case stored(Submission)
    case refused(Refusal)
}
