import HTTPServer

/// The fields of a body: a form or JSON, whichever the client sent.
enum RequestBody {
    static func fields(of request: HTTPRequest) throws(APIError) -> [String: FieldValue] {
        let type = request.headers["content-type"] ?? ""
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
        var tree = FieldTree()
        for part in form.parts {
            let bytes = Array(part.bytes)
            if part.filename != nil || part.mediaType != nil {
                try tree.add(part.name, .file(UploadedFile(bytes: bytes)))
            } else {
                guard let text = String(validating: bytes, as: UTF8.self) else {
                    throw APIError(
                        400, "invalid_encoding", "a field is not valid UTF-8", parameter: part.name.clipped)
                }
                try tree.add(part.name, .text(text))
            }
        }
        return tree.fields
    }
}
