package import VideoTypes

extension ProviderError {
    /// What an error of the engine means to who asked for a clip.
    package init(_ error: VideoError) {
        let text = error.hint.map { "\(error.message); \($0)" } ?? error.message
        self =
            switch error.code {
            case .invalidRequest: .badRequest(text, parameter: nil)
            // Plans are checked before work begins: what does not fit then, others have taken.
            case .outOfMemory: .capacity(retryAfterSeconds: nil)
            case .cancelled: .cancelled
            default: .server(text)
            }
    }

    /// What an error of planning means: the request is not for this provider.
    static func refused(_ error: VideoError) -> ProviderError {
        .badRequest(error.hint.map { "\(error.message); \($0)" } ?? error.message, parameter: nil)
    }
}
