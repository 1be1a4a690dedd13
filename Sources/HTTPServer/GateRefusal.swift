/// Why the gate turns a request away; fixed texts, which name nothing that came in.
struct GateRefusal: Error, Equatable {
    let status: Int
    let code: String
    let message: String

    static func malformed(_ message: String) -> GateRefusal {
        GateRefusal(status: 400, code: "bad_request", message: message)
    }

    static let hostNotAllowed = GateRefusal(
        status: 403, code: "host_not_allowed", message: "this server does not answer to that Host name")
    static let originNotAllowed = GateRefusal(
        status: 403, code: "origin_not_allowed", message: "requests from other web sites are not allowed")
    static let targetTooLong = GateRefusal(
        status: 414, code: "uri_too_long", message: "the request's target is too long")
    static let headerTooLarge = GateRefusal(
        status: 431, code: "header_too_large", message: "the request has too many or too long header fields")
    static let versionNotSupported = GateRefusal(
        status: 505, code: "version_not_supported", message: "this server speaks HTTP/1.1 and HTTP/1.0")
    static let expectationFailed = GateRefusal(
        status: 417, code: "expectation_failed", message: "the only expectation that is met is 100-continue")
    static let tooManyUploads = GateRefusal(
        status: 503, code: "too_many_uploads", message: "too many uploads at the moment; try again soon")
    static let rangeNotSatisfiable = GateRefusal(
        status: 416, code: "range_not_satisfiable", message: "the file has no bytes in that range")
    static let internalError = GateRefusal(
        status: 500, code: "internal_error", message: "the server could not read the request")

    static func bodyTooLarge(limit: Int) -> GateRefusal {
        GateRefusal(status: 413, code: "body_too_large", message: "the body is larger than \(limit) bytes")
    }
}
