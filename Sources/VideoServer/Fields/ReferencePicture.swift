/// A picture to begin from: looked at, though no local model takes one yet.
enum ReferencePicture {
    /// Always refuses: first what is no picture, then that this model takes none.
    static func check(_ bytes: [UInt8]) throws(APIError) {
        throw .invalid(
            "input_reference", "cannot be used: this model makes clips from text alone", code: "unsupported_parameter")
    }
}
