import Media
import VideoTypes

/// The pictures that an order brings.
enum ReferencePicture {
    /// Looks at their headers alone: what is no picture, or too large a one, is refused before anything else is done.
    static func images(of request: CreateRequest) throws(APIError) -> [ReferenceImage] {
        var images: [ReferenceImage] = []
        for (bytes, role) in [(request.reference, PictureRole.first), (request.lastReference, .last)] {
            guard let bytes else { continue }
            do throws(ImageHeaderError) {
                images.append(ReferenceImage(bytes: bytes, format: try ImageHeader(bytes).format, role: role))
            } catch {
                throw .invalid(name(role), "is not usable: \(error.message)", code: "invalid_image")
            }
        }
        return images
    }

    static func name(_ role: PictureRole) -> String {
        (role == .last ? Parameter.lastInputReference : .inputReference).name
    }
}
