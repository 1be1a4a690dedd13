package import JobStore
package import VideoTypes

/// Has clips made by others: by machines and clouds, whoever serves a request best.
package protocol JobRouter: Sendable {
    /// Makes the job's clip, or goes on waiting for the one that was ordered for it before this process began.
    ///
    /// A cancelled task stops the work where it is.
    func make(
        _ job: Job, progress: @escaping @Sendable (VideoProgress) -> Void
    ) async throws(VideoError) -> VideoResult

    /// Puts a copy of the clip where the journal takes it from.
    func deliver(_ clip: VideoResult, to path: String) throws(VideoError)

    /// The journal has the clip, or nobody wants it: what lies elsewhere may go.
    ///
    /// - Parameter place: where it is kept; nil where it is not.
    func forget(_ clip: VideoResult, keptAt place: String?)
}
