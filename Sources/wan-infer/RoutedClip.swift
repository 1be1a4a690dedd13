import Files
import Media
import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// Takes a clip from where its provider has put it to where it is wanted.
enum RoutedClip {
    typealias Target = OutputTarget

    struct Taken {
        let path: String
        let bytes: Int
    }

    private static let pieceBytes = 1 << 20

    /// A name that a clip may take: the given one, or the next free "out.mp4".
    static func target(_ output: String?) throws(VideoError) -> Target {
        do throws(MediaError) {
            return try OutputTarget(output ?? "out.mp4", keepsExisting: output == nil)
        } catch {
            throw error.videoError
        }
    }

    static func take(_ clip: VideoResult, to target: Target) throws(VideoError) -> Taken {
        let source = unsafe open(clip.path, O_RDONLY | O_CLOEXEC)
        guard source >= 0 else { throw lost(clip) }
        defer { close(source) }
        do throws(MediaError) {
            let file = try PendingFile(target)
            var buffer = [UInt8](repeating: 0, count: pieceBytes)
            var total = 0
            while true {
                let count = unsafe read(source, &buffer, buffer.count)
                guard count >= 0 else { throw .output(path: clip.path, problem: .system(call: "read", errno: errno)) }
                if count == 0 { break }
                try file.append(Array(buffer[..<count]))
                total += count
            }
            let path = try file.publish()
            unsafe unlink(clip.path)
            return Taken(path: path, bytes: total)
        } catch {
            // What was paid for is still there.
            let failure = error.videoError
            throw VideoError(failure.code, failure.wording, remedies: ["the clip lies at \(clip.path)"])
        }
    }

    private static func lost(_ clip: VideoResult) -> VideoError {
        VideoError(.outputLost, "the clip of \(clip.provider) cannot be read: \(SystemError.text(errno))")
    }
}
