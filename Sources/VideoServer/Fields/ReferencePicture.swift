import Media

/// A picture to begin from: looked at, though orders of the service bring none to the worker yet.
enum ReferencePicture {
    /// Always refuses: what is no picture or too large a one, by its header alone; then any, as this service takes none.
    static func check(_ bytes: [UInt8]) throws(APIError) {
        do throws(ImageHeaderError) {
            _ = try ImageHeader(bytes)
        } catch {
            throw .invalid("input_reference", "is not usable: \(error.message)", code: "invalid_image")
        }
        throw .invalid(
            "input_reference", "cannot be used: this service makes clips from text alone", code: "unsupported_parameter"
        )
    }
}
