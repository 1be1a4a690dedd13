import HTTPServer

/// The fields of a body: a form or JSON, whichever the client sent.
enum RequestBody {
    static func fields(of request: HTTPRequest) throws(APIError) -> [String: FieldValue] {
        let type = request.headers["content-type"] ?? ""
        if let encoding = request.headers["content-encoding"], encoding.lowercased() != "identity" {
            throw APIError(
                415, "unsupported_content_encoding", "the body must be sent as it is, without a Content-Encoding")
        }
        switch type.prefix(while: { $0 != ";" }).lowercased().filter({ $0 != " " }) {
        case "application/json": return try JSONBody.fields(request.body)
        case "multipart/form-data": return try form(request.body, type)
        default:
            throw APIError(
                415, "unsupported_media_type", "the body must be multipart/form-data or application/json")
        }
    }

    private static func form(_ body: [UInt8], _ type: String) throws(APIError) -> [String: FieldValue] {
        let form: Multipart
        do throws(MultipartError) {
            form = try Multipart(body, contentType: type)
        } catch {
            throw APIError(400, "invalid_form", error.message)
        }
        // As a page's form says in what all of its texts are written (RFC 7578, 4.6).
        let charset = form.parts.first { $0.name == "_charset_" }
        let spoken = try charset.map { (part) throws(APIError) in try text(part, nil).lowercased() }
        var tree = FieldTree()
        for part in form.parts where part.name != "_charset_" {
            // As browsers send the field of a file that nobody chose; node leaves the empty name out.
            let isUnnamed = part.filename?.isEmpty ?? (part.mediaType == "application/octet-stream")
            if isUnnamed, part.bytes.isEmpty { continue }
            // A file is what has a file's name; a type alone says nothing: many clients give texts one.
            if part.filename != nil || part.mediaType?.hasPrefix("image/") == true {
                try tree.add(part.name, .file(UploadedFile(bytes: Array(part.bytes))))
            } else {
                try tree.add(part.name, .text(try text(part, spoken)))
            }
        }
        return tree.fields
    }

    /// - Parameter charset: of parts that do not say theirs.
    private static func text(_ part: Multipart.Part, _ charset: String?) throws(APIError) -> String {
        switch part.charset ?? charset {
        case nil, "utf-8", "utf8", "us-ascii", "ascii":
            guard let text = String(validating: part.bytes, as: UTF8.self) else {
                throw APIError(400, "invalid_encoding", "a field is not valid UTF-8", parameter: part.name.clipped)
            }
            return text
        // What Spring sends unless it is told otherwise.
        case "iso-8859-1", "latin1":
            return String(String.UnicodeScalarView(part.bytes.map { Unicode.Scalar($0) }))
        case let other?:
            throw APIError(
                400, "invalid_encoding", "the charset \(other.clipped) is not understood; send UTF-8",
                parameter: part.name.clipped)
        }
    }
}
