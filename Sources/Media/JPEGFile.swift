package import VideoTypes

/// A picture as JPEG, as good as a limit of its size allows.
package enum JPEGFile {
    /// FFmpeg's scale; 2 is the best that its encoder is asked for by itself, 31 the worst there is.
    package static let scales: [Int32] = [2, 4, 8, 16, 31]

    /// At the first of the scales at which it is small enough; nil where it never is.
    package static func bytes(_ frame: Frame, atMost limit: Int) throws(MediaError) -> [UInt8]? {
        let ffmpeg = try FFmpeg()
        for scale in scales {
            let bytes = try JPEGEncoder.encode(frame, ffmpeg, scale: scale)
            if bytes.count <= limit { return bytes }
        }
        return nil
    }
}
