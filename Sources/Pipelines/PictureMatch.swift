import Pictures
package import VideoTypes

/// How near a clip begins to its first picture.
package struct PictureMatch {
    private let picture: Frame?
    /// Of the first frame, peak signal to noise; nil before it, and where there is no picture.
    package private(set) var decibels: Double?

    package init(_ picture: Frame?) {
        self.picture = picture
    }

    /// Looks at the frames of a clip in their order: at the first.
    package mutating func look(at frame: Frame) {
        guard let picture, decibels == nil else { return }
        decibels = frame.likeness(to: picture)
    }
}
