public import VideoTypes

/// How a request ended where it did not fail.
public enum RoutingOutcome: Sendable, Hashable {
    case done(VideoResult)
    /// A clip that shows nothing, the best that was to be had: the reason.
    case empty(VideoResult, reason: String)
    /// Nobody can make the clip in time; it is kept, and will be made.
    case promised(VideoPromise)
}
