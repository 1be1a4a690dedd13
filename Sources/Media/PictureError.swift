import Distributions
import Files
package import VideoTypes

#if canImport(Glibc)
import Glibc
#endif

/// Why a file is not taken as a picture.
package enum PictureError: Error, Hashable {
    case file(path: String, problem: FileProblem)
    case tooManyBytes(Int)
    case header(ImageHeaderError)
    /// The file ends before its picture does.
    case truncated(ReferenceImage.Format)
    case damaged(ReferenceImage.Format, String)
    case noMemory(width: Int, height: Int)
    case noDecoder(ReferenceImage.Format)
    case library(MediaError)

    package enum FileProblem: Hashable, Sendable {
        case missing
        case isDirectory
        case notRegular
        case empty
        case tooLarge(bytes: Int)
        case system(call: String, errno: Int32)
    }

    /// What is wrong with the picture; the text may leave the service.
    package var message: String {
        switch self {
        case .file(let path, let problem): "cannot read the picture \(path): \(problem.reason)"
        case .tooManyBytes(let count): "the picture has \(count) bytes, the limit is \(PictureFile.maxBytes)"
        case .header(let error): error.message
        case .truncated(let format): "the picture's \(format.name) file ends before the picture does"
        case .damaged(let format, let reason): "the picture's \(format.name) data is damaged: \(reason)"
        case .noMemory(let width, let height): "there is no memory to read a picture of \(width)x\(height)"
        case .noDecoder(let format): "FFmpeg on this machine cannot read \(format.name) pictures"
        case .library(let error): error.videoError.message
        }
    }

    /// - Parameter field: the part of the request that the picture was given as.
    package func videoError(about field: Term?) -> VideoError {
        let code: VideoError.Code =
            switch self {
            case .noMemory: .outOfMemory
            case .noDecoder: .mediaFailed
            case .library(let error): error.videoError.code
            default: .invalidRequest
            }
        if case .library(let error) = self {
            let error = error.videoError
            return VideoError(code, error.wording, field: field, remedies: error.remedies)
        }
        return VideoError(code, Wording(plain: message), field: field, hint: remedy)
    }

    private var remedy: Wording {
        switch self {
        case .file(_, .missing): "look for a mistake in the name"
        case .file(_, .system(_, EACCES)): "make the file readable"
        case .file(_, .tooLarge), .tooManyBytes: "use a smaller picture"
        case .file: "name a PNG, JPEG or WebP file"
        case .header(let error): Wording(plain: error.remedy)
        case .truncated, .damaged: "save the picture once more, or copy the file again"
        case .noMemory: "use a smaller picture"
        case .noDecoder, .library: "install Debian's or Ubuntu's own libavcodec"
        }
    }
}

extension PictureError: Reportable {
    package var videoError: VideoError { videoError(about: nil) }
}

extension PictureError.FileProblem {
    fileprivate var reason: String {
        switch self {
        case .missing: "there is no such file"
        case .isDirectory: "it is a folder"
        case .notRegular: "it is not a regular file"
        case .empty: "it is empty"
        case .tooLarge(let bytes): "it has \(bytes) bytes, the limit is \(PictureFile.maxBytes)"
        case .system(let call, let errno): "\(SystemError.text(errno)) (\(call))"
        }
    }
}

extension ReferenceImage.Format {
    /// As people call it.
    var name: String {
        switch self {
        case .png: "PNG"
        case .jpeg: "JPEG"
        case .webp: "WebP"
        }
    }
}
