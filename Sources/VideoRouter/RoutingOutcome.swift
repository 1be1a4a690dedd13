public import VideoTypes

/// How a request ended where it did not fail.
public enum RoutingOutcome: Sendable, Hashable {
    case done(VideoResult)
    /// Nobody can make the clip in time; it is kept, and will be made.
    case promised(VideoPromise)
}
