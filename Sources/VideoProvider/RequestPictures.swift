import Crypto
import Media
import VideoTypes

/// The pictures of a request, read: what is wrong with one is said before anything is loaded.
struct RequestPictures {
    private(set) var frames: [PictureRole: Frame] = [:]
    /// What settings call them.
    private(set) var inputs: [ClipInput] = []

    init(_ images: [ReferenceImage]) throws(VideoError) {
        for image in images {
            do throws(PictureError) {
                frames[image.role] = try Picture(image.bytes).frame
            } catch {
                throw error.videoError(about: image.role.term)
            }
            do throws(CryptoError) {
                inputs.append(ClipInput(role: image.role, digest: try SHA256.hex(image.bytes)))
            } catch {
                throw error.videoError
            }
        }
    }
}
