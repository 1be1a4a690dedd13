/// What this machine's FFmpeg would write a clip with.
package struct EncodingFacts: Sendable {
    /// FFmpeg's release, as Debian names it.
    package let version: String
    package let encoder: String

    package init() throws(MediaError) {
        let ffmpeg = try FFmpeg()
        version = ffmpeg.version
        encoder = try OpenedEncoder(ffmpeg, size: PaddedSize(width: 64, height: 64), framesPerSecond: 16).name
    }
}
