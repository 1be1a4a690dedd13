/// Why a body is not a form that is read; the texts may leave the service.
package enum MultipartError: Error, Hashable {
    /// The media type is not multipart/form-data with one valid boundary.
    case badContentType
    /// The body has no boundary, or a boundary is followed by something else than a line's end.
    case badDelimiter
    /// The body ends before its last boundary.
    case unterminated
    case tooManyParts(limit: Int)
    case headerTooLong(limit: Int)
    /// A part's header is not well-formed, or says the same thing twice.
    case badHeader
    case nameMissing
    case nameTooLong(limit: Int)
    case tooManyBytes(limit: Int)

    package var message: String {
        switch self {
        case .badContentType: "the content type must be multipart/form-data with a valid boundary"
        case .badDelimiter: "the form has a malformed boundary line"
        case .unterminated: "the form ends before its closing boundary"
        case .tooManyParts(let limit): "the form has more than \(limit) parts"
        case .headerTooLong(let limit): "a part's header is longer than \(limit) bytes"
        case .badHeader: "a part of the form has a malformed header"
        case .nameMissing: "a part of the form has no name"
        case .nameTooLong(let limit): "a part's name is longer than \(limit) bytes"
        case .tooManyBytes(let limit): "the form is longer than \(limit) bytes"
        }
    }
}
