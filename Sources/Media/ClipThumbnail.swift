import VideoTypes

/// The frame in the middle of a clip as a small JPEG picture.
package struct ClipThumbnail: Sendable {
    package let jpeg: [UInt8]
    package let width: Int
    package let height: Int

    /// Of the longer side; a smaller clip is not enlarged.
    package static let side = 512

    package init(ofClip path: String) throws(MediaError) {
        let reader = try MP4Reader(path: path)
        let frames = try reader.frames(at: [reader.announcedFrames / 2], fittedInto: Self.side)
        guard let frame = frames.first else {
            throw .notAClip(path: path, reason: "it has fewer frames than it says")
        }
        jpeg = try JPEGEncoder.encode(frame, FFmpeg())
        width = frame.width
        height = frame.height
    }
}
