import StrictJSON
package import VideoTypes

/// What can be wrong with the files of a tokenizer.
package enum TokenizerError: Error, Equatable, CustomStringConvertible {
    /// The JSON text breaks its grammar or a limit.
    case badJSON(offset: Int, reason: String)
    /// The protobuf message is cut short or malformed.
    case badProtobuf(offset: Int, reason: String)
    /// A field is missing, of the wrong type or out of range.
    case badValue(field: String, reason: String)
    /// The file asks for something that this tokenizer does not implement.
    case unsupported(component: String)

    package var description: String {
        switch self {
        case .badJSON(let offset, let reason): "not valid JSON at byte \(offset): \(reason)"
        case .badProtobuf(let offset, let reason): "not a SentencePiece model at byte \(offset): \(reason)"
        case .badValue(let field, let reason): "\(field) \(reason)"
        case .unsupported(let component): "tokenizer component not supported: \(component)"
        }
    }
}

extension TokenizerError: Reportable {
    package var videoError: VideoError {
        VideoError(
            .weightsInvalid, "the tokenizer cannot be used: \(self)", hint: "fetch the model's tokenizer folder again")
    }
}

extension TokenizerError {
    init(_ error: JSONError) {
        self = .badJSON(offset: error.offset, reason: error.problem.message)
    }
}
