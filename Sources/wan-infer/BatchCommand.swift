import Media
import StrictJSON
import VideoProvider
import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// Makes the clips of a file, one after the other, with a model that is loaded once.
struct BatchCommand {
    let path: String
    let options: GenerateOptions
    let program: Program
    let json: Bool

    /// A clip that could not be made.
    private struct Failure {
        let line: Int
        let error: VideoError
    }

    func run() throws(VideoError) {
        let file = try BatchFile(path, options)
        let folder: CheckpointFolder? =
            if let path = options.keeping.checkpoint { try CheckpointFolder(path) } else { nil }
        let maker = try ClipMaker(
            options, sharesWeights: Set(file.clips.map(\.request.adapters)).count > 1, program: program, json: json)
        let names = Self.names(options.output ?? "out.mp4", count: file.clips.count)
        var left: [Int] = []
        for (index, clip) in file.clips.enumerated() {
            do throws(VideoError) {
                _ = try maker.engine.settings(for: clip.request)
                if try !isDone(names[index], clip.request) { left.append(index) }
            } catch {
                throw BatchFile.failure(path, clip.line, error)
            }
        }
        if left.count < file.clips.count {
            maker.note("\(file.clips.count - left.count) of \(file.clips.count) clips are there already")
        }
        var failures: [Failure] = []
        for index in left {
            let clip = file.clips[index]
            let number = Self.number(index, of: file.clips.count)
            maker.note("clip \(index + 1) of \(file.clips.count), line \(clip.line)")
            let work = KeptWork(maker: maker, place: folder?.place(number), output: (names[index], false))
            do throws(VideoError) {
                try maker.tell(make(clip.request, work))
            } catch {
                let failure = BatchFile.failure(path, clip.line, error)
                if error.code == .cancelled { throw goingOn(failure) }
                failures.append(Failure(line: clip.line, error: failure))
                program.errors.write(failure.text)
                if json { try program.output.print("\(failure.json)") }
            }
        }
        guard let first = failures.first else { return }
        let lines = failures.map { "\($0.line)" }.joined(separator: ", ")
        throw goingOn(
            VideoError(
                first.error.code,
                "\(failures.count) of \(file.clips.count) clips failed, of line \(lines)"))
    }

    private func make(_ request: VideoRequest, _ work: KeptWork) throws(VideoError) -> ClipReport {
        let kept = try work.kept()
        var request = request
        // A seed that was drawn for it is the clip's own.
        if let kept, request.seed == nil { request.seed = kept.settings.sampling.seed }
        return try work.make(request, goingOnFrom: kept, preview: options.keeping.preview)
    }

    private func goingOn(_ error: VideoError) -> VideoError {
        let line = options.arguments.adding(["resume"]).line
        return VideoError(
            error.code, error.wording, field: error.field,
            remedies: error.remedies + [Wording(plain: "the others are made; go on with: \(line)")])
    }

    /// Whether a clip lies there already, of the same prompt; another file is in the way.
    private func isDone(_ name: String, _ request: VideoRequest) throws(VideoError) -> Bool {
        var status = stat()
        guard unsafe lstat(name, &status) == 0 else { return false }
        guard options.keeping.resumes else {
            throw VideoError(
                .outputFailed, "'\(name)' is there already, and a batch replaces nothing",
                hint: "--resume makes those that are missing; or choose another --output")
        }
        let comment: String?
        do throws(MediaError) {
            comment = try MP4Reader(path: name).metadata("comment")
        } catch {
            throw VideoError(
                .outputFailed, "'\(name)' is there and no clip: \(error.videoError.commandMessage)",
                hint: "take it away, or choose another --output")
        }
        // Clips without metadata say nothing about themselves.
        guard let comment, let value = try? JSONValue(Array(comment.utf8)), case .object(let members) = value,
            case .string(let prompt)? = members[Array("prompt".utf8)]
        else { return true }
        guard prompt == request.prompt else {
            throw VideoError(
                .outputFailed, "'\(name)' is a clip of another prompt: “\(ResultReport.line(prompt))”",
                hint: "the file has changed since; choose another --output")
        }
        return true
    }

    /// The names of all clips: "out-01.mp4".
    static func names(_ output: String, count: Int) -> [String] {
        let slash = output.lastIndex(of: "/") ?? output.startIndex
        let dot = output[slash...].lastIndex(of: ".") ?? output.endIndex
        return (0..<count).map { "\(output[..<dot])-\(number($0, of: count))\(output[dot...])" }
    }

    /// As many digits for each, so that names sort as lines do.
    private static func number(_ index: Int, of count: Int) -> String {
        let digits = String(index + 1)
        return String(repeating: "0", count: max(String(count).count - digits.count, 0)) + digits
    }
}
