import Distributions
import Files
package import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// What goes wrong between a frame and a finished file.
package enum MediaError: Error, Hashable {
    case libraryMissing(name: String, reason: String)
    case ffmpeg(call: String, status: Int32, text: String)
    case noEncoder(tried: [String])
    case output(path: String, problem: OutputProblem)
    case notAClip(path: String, reason: String)
    /// The finished file, read back, is not what was written.
    case readBack(fact: String, expected: String, found: String)
}

/// Why a file cannot be written.
package enum OutputProblem: Hashable, Sendable {
    case emptyPath
    case notMP4
    case folderMissing(String)
    case isDirectory
    case notRegular
    case danglingLink
    case readOnly
    case system(call: String, errno: Int32)
}

extension MediaError: Reportable {
    package var videoError: VideoError {
        switch self {
        case .libraryMissing(let name, let reason):
            VideoError(
                .mediaFailed, "cannot open FFmpeg's \(name): \(reason)",
                hint: Wording(plain: Distribution.remedy(for: name)))
        case .ffmpeg(let call, let status, let text) where OutputProblem.isDiskProblem(status):
            VideoError(
                OutputProblem.code(errno: -status), "writing the file failed: \(text) (\(call))",
                hint: OutputProblem.hint(errno: -status) ?? "write somewhere else")
        case .ffmpeg(let call, -ENOMEM, _):
            VideoError(.outOfMemory, "no memory for the encoder (\(call))", hint: "use a smaller size")
        case .ffmpeg(let call, let status, let text):
            VideoError(.mediaFailed, "FFmpeg's \(call) failed: \(text) (\(status))", hint: Self.doctorHint)
        case .noEncoder(let tried):
            VideoError(
                .mediaFailed, "FFmpeg on this machine has none of the encoders \(tried.joined(separator: ", "))",
                hint: "install Debian's or Ubuntu's own libavcodec, which has libx264")
        case .output(let path, let problem):
            VideoError(problem.code, "cannot write \(path): \(problem.reason)", hint: problem.hint)
        case .notAClip(let path, let reason):
            VideoError(.mediaFailed, "cannot read \(path) as a clip: \(reason)")
        case .readBack(let fact, let expected, let found):
            VideoError(
                .mediaFailed, "the finished file has a wrong \(fact): expected \(expected), found \(found)",
                hint: "nothing was written; \(Self.doctorHint)")
        }
    }

    private static let doctorHint: Wording = "\(.doctor) tests the libraries of this machine"
}

extension OutputProblem {
    fileprivate var reason: String {
        switch self {
        case .emptyPath: "the path is empty"
        case .notMP4: "the file written is an MP4, so its name must end in .mp4"
        case .folderMissing(let folder): "there is no folder \(folder)"
        case .isDirectory: "it is a folder"
        case .notRegular: "it exists and is not a regular file"
        case .danglingLink: "it is a link to a file that does not exist"
        case .readOnly: "it exists and is read-only"
        case .system(let call, let errno): "\(SystemError.text(errno)) (\(call))"
        }
    }

    fileprivate var code: VideoError.Code {
        if case .system(_, let errno) = self { Self.code(errno: errno) } else { .outputFailed }
    }

    /// A full disk has a code of its own: the same clip may be made later.
    fileprivate static func code(errno: Int32) -> VideoError.Code {
        errno == ENOSPC || errno == EDQUOT ? .diskFull : .outputFailed
    }

    fileprivate var hint: Wording? {
        switch self {
        case .emptyPath, .notMP4, .isDirectory, .notRegular: "name a file, for example out.mp4"
        case .folderMissing(let folder): "create it: mkdir -p '\(folder)'"
        case .danglingLink: "remove the link or create its target"
        case .readOnly: "make it writable, or choose another name"
        case .system(_, let errno): Self.hint(errno: errno)
        }
    }

    fileprivate static func isDiskProblem(_ status: Int32) -> Bool {
        [ENOSPC, EDQUOT, EFBIG, EIO, EROFS, EACCES, EPERM].contains(-status)
    }

    fileprivate static func hint(errno: Int32) -> Wording? {
        switch errno {
        case ENOSPC, EDQUOT: "free some space, or write somewhere else"
        case EFBIG: "the limit on file sizes (ulimit -f) is too low for this clip"
        case EACCES, EPERM, EROFS: "choose a folder that you may write to"
        case ENAMETOOLONG: "choose a shorter name"
        default: nil
        }
    }
}
