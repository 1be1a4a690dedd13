import JobRunner
import JobStore
package import VideoTypes

/// A refusal in the API's own form: what the client's exception says.
package struct APIError: Error, Sendable, Equatable {
    package let status: Int
    /// For programs.
    package let code: String
    /// For people: a fixed text, apart from names and numbers that were checked.
    package let message: String
    /// The field of the request.
    package let parameter: String?
    /// When asking again may help.
    package var retryAfterSeconds: Int?
    /// What failed here, for the log alone: it may name files of this machine, but no prompt and no key.
    package var cause: String?

    package init(_ status: Int, _ code: String, _ message: String, parameter: String? = nil, retryAfter: Int? = nil) {
        self.status = status
        self.code = code
        self.message = message
        self.parameter = parameter
        retryAfterSeconds = retryAfter
    }

    /// A field that is wrong.
    static func invalid(_ parameter: String, _ message: String, code: String = "invalid_value") -> APIError {
        APIError(400, code, "\(parameter) \(message)", parameter: parameter)
    }

    /// How the API groups errors.
    package var kind: String {
        switch status {
        case 401: "authentication_error"
        case 403: "permission_error"
        case 429: "rate_limit_error"
        case 500...: "server_error"
        default: "invalid_request_error"
        }
    }

    package var json: JSONText {
        .object([
            (
                "error",
                .object([
                    ("message", .string(message)), ("type", .string(kind)),
                    ("param", parameter.map(JSONText.string) ?? .null), ("code", .string(code)),
                ])
            )
        ])
    }
}

extension APIError {
    static let notFound = APIError(404, "not_found", "there is nothing here")
    static let noSuchVideo = APIError(404, "video_not_found", "there is no video of this id")
    static let notReady = APIError(404, "video_not_ready", "the video is not finished")
    static let expired = APIError(410, "video_expired", "the video's file is gone")
    static let outputLost = APIError(
        410, "output_lost", "the video's file is gone or is not the one that was made")
    static let keyMissing = APIError(
        401, "invalid_api_key", "a valid key is needed: send it as 'Authorization: Bearer KEY'")
    /// What must not happen, and is written down.
    static func serviceFailed(_ cause: String) -> APIError {
        var error = APIError(500, "internal_error", "the service failed; its log says why")
        error.cause = cause
        return error
    }

    /// The journal or the folder of clips did not do what was asked.
    static func storeFailed(_ error: StoreError) -> APIError {
        var answer =
            switch error {
            case .diskFull: APIError(507, "disk_full", "the disk of this machine is full", retryAfter: 300)
            case .moved, .system: APIError.refused(Refusal.folderUnusable)
            default: APIError.serviceFailed("")
            }
        answer.cause = error.videoError.message
        return answer
    }

    /// For the log: nobody reads the answer.
    static let clientGone = APIError(499, "client_gone", "the client has gone")
    static let stopping = APIError(503, "shutting_down", "the service is shutting down", retryAfter: 30)

    /// The engine's refusal of a request; the hint goes along.
    static func refused(_ error: VideoError) -> APIError {
        let texts = [error.message(in: .api)] + (error.hint(in: .api).map { [$0] } ?? [])
        // What does not fit will not fit when it is asked for again: the client must not try.
        let status = error.code == .outOfMemory ? 400 : error.code.httpStatus
        return APIError(
            status, error.code.name, texts.joined(separator: "; "),
            parameter: error.field.flatMap { Parameter($0) }?.name)
    }
}
