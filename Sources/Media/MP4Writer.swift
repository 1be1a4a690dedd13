package import VideoTypes

/// Writes frames, one after the other, into an MP4 that takes its name only when it is complete and has been read back.
///
/// Dropped before `finish`, it leaves nothing behind and an existing file of that name untouched.
package final class MP4Writer {
    private let size: PaddedSize
    private let framesPerSecond: Int
    private let encoder: FrameEncoder
    private let muxer: MP4Muxer
    private var file: PendingFile?
    private var frames = 0
    /// Where the finished file is.
    package private(set) var path: String

    /// Checks the path, opens the file and chooses the encoder: what can fail early fails here.
    ///
    /// - Parameter keepsExisting: whether the clip takes the next free name where `path` is taken.
    package init(
        path: String, width: Int, height: Int, framesPerSecond: Int, metadata: ClipMetadata? = nil,
        keepsExisting: Bool = false
    ) throws(MediaError) {
        precondition(width > 0 && height > 0 && framesPerSecond > 0, "\(width) x \(height) at \(framesPerSecond)")
        let ffmpeg = try FFmpeg()
        let file = try PendingFile(OutputTarget(path, keepsExisting: keepsExisting))
        self.path = path
        size = PaddedSize(width: width, height: height)
        self.framesPerSecond = framesPerSecond
        encoder = try FrameEncoder(ffmpeg, size: size, framesPerSecond: framesPerSecond)
        muxer = try MP4Muxer(
            ffmpeg, path: file.ioPath, encoder: encoder, framesPerSecond: framesPerSecond, metadata: metadata)
        self.file = consume file
    }

    /// FFmpeg's name of the encoder in use: libx264 where there is one.
    package var encoderName: String { encoder.name }

    package func append(_ frame: Frame) throws(MediaError) {
        precondition(
            frame.width == size.width && frame.height == size.height,
            "a frame of \(frame.width) x \(frame.height) in a clip of \(size.width) x \(size.height)")
        frames += 1
        try unsafe encoder.encode(frame) { packet throws(MediaError) in try unsafe muxer.write(packet) }
    }

    /// Completes the file, reads it back, compares and gives it its name; returns its size in bytes.
    package func finish() throws(MediaError) -> Int {
        guard let file = file.take() else { preconditionFailure("finish() called twice") }
        try unsafe encoder.encode(nil) { packet throws(MediaError) in try unsafe muxer.write(packet) }
        try muxer.finish()
        let clip = try MP4Reader(path: file.ioPath).facts()
        try check("frame count", frames, clip.frames)
        try check("width", size.codedWidth, clip.width)
        try check("height", size.codedHeight, clip.height)
        try check("frame rate", "\(framesPerSecond)/1", clip.frameRate)
        try check("duration in frames", Double(frames), clip.durationSeconds * Double(framesPerSecond))
        let byteCount = file.byteCount
        path = try file.publish()
        return byteCount
    }

    private func check<T: Equatable>(_ fact: String, _ expected: T, _ found: T) throws(MediaError) {
        guard expected != found else { return }
        throw .readBack(fact: fact, expected: "\(expected)", found: "\(found)")
    }
}
