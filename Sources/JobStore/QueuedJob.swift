package import VideoTypes

/// A job that waits for its turn.
package struct QueuedJob: Sendable, Hashable {
    package let id: JobID
    package let number: Int
    package let owner: String?
    package let priority: Int
    package let createdAt: Int
    package let work: WorkEstimate
    /// Whether it was running when workers died, twice: such jobs come last.
    package let isSuspect: Bool
}
