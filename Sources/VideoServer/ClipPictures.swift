import Glibc
import HTTPServer
import JobStore
import Media
import Synchronization
import VideoTypes

/// Pictures of finished clips: made when they are asked for, the last few kept.
final class ClipPictures: Sendable {
    enum Kind: Hashable {
        case thumbnail
        case spritesheet
    }

    private struct Name: Hashable {
        let id: JobID
        let kind: Kind
    }

    private struct Picture {
        let name: Name
        let bytes: [UInt8]
    }

    private static let kept = 32
    /// The newest last.
    ///
    /// Held while a picture is made: one decoder at a time leaves the engine its processors.
    private let pictures = Mutex<[Picture]>([])

    /// - Parameters:
    ///   - file: the finished clip, open.
    ///   - path: where it was found, for systems without /proc.
    func picture(of job: Job, _ kind: Kind, file: OutputFile, path: String) throws(APIError) -> HTTPResponse {
        let name = Name(id: job.id, kind: kind)
        // Whoever deletes the clip meanwhile takes its name, not what is open.
        let opened = "/proc/self/fd/\(file.descriptor)"
        let path = unsafe access(opened, R_OK) == 0 ? opened : path
        let made = pictures.withLock { pictures -> Result<[UInt8], APIError> in
            if let known = pictures.first(where: { $0.name == name }) { return .success(known.bytes) }
            do throws(APIError) {
                let bytes = try Self.make(kind, of: path)
                pictures.append(Picture(name: name, bytes: bytes))
                if pictures.count > Self.kept { pictures.removeFirst() }
                return .success(bytes)
            } catch {
                return .failure(error)
            }
        }
        var response = AnswerWriter.bytes(try made.get(), mediaType: "image/jpeg")
        response.headers.add("Content-Disposition", "attachment; filename=\"\(job.id).jpg\"")
        return response
    }

    func forget(_ id: JobID) { pictures.withLock { $0.removeAll { $0.name.id == id } } }

    private static func make(_ kind: Kind, of path: String) throws(APIError) -> [UInt8] {
        do throws(MediaError) {
            return switch kind {
            case .thumbnail: try ClipThumbnail(ofClip: path).jpeg
            case .spritesheet: try ClipSpritesheet(ofClip: path).jpeg
            }
        } catch {
            throw .serviceFailed("a picture of a clip cannot be made: \(error.videoError.message)")
        }
    }
}
