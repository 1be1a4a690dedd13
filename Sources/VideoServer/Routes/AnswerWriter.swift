import HTTPServer
import VideoTypes

/// The one place that writes answers.
enum AnswerWriter {
    /// Above this the client is told not to ask again by itself: it would not wait that long anyway.
    private static let longestRetrySeconds = 120

    static func json(_ value: JSONText, status: Int = 200) -> HTTPResponse {
        bytes(Array("\(value)".utf8), mediaType: "application/json", status: status)
    }

    static func error(_ error: APIError) -> HTTPResponse {
        var response = json(error.json, status: error.status)
        if error.status == 401 { response.headers.add("WWW-Authenticate", "Bearer") }
        if let seconds = error.retryAfterSeconds {
            response.headers.add("Retry-After", "\(seconds)")
            if seconds > longestRetrySeconds { response.headers.add("x-should-retry", "false") }
        }
        return response
    }

    static func bytes(_ bytes: [UInt8], mediaType: String, status: Int = 200) -> HTTPResponse {
        HTTPResponse(
            status: status, headers: HTTPHeaders([("Content-Type", mediaType), ("Cache-Control", "no-store")]),
            body: .bytes(bytes))
    }
}
