import CStartPage
import HTTPServer

/// The page for people, as it lies in the binary.
enum StartPage {
    /// Its files by where they are served.
    static let files: [String: (mediaType: String, bytes: [UInt8])] = {
        var count = 0
        let first = unsafe cstartpage_files(&count)
        let files = unsafe UnsafeBufferPointer(start: first, count: count)
        var found: [String: (mediaType: String, bytes: [UInt8])] = [:]
        for index in files.indices {
            let file = unsafe files[index]
            let bytes = unsafe Array(UnsafeBufferPointer(start: file.bytes, count: file.count))
            unsafe found[String(cString: file.path)] = (String(cString: file.media_type), bytes)
        }
        return found
    }()

    private static let policy = unsafe cstartpage_policy().map { unsafe String(cString: $0) } ?? "default-src 'none'"

    static func answer(_ path: String) throws(APIError) -> HTTPResponse {
        guard let file = files[path] else { throw .notFound }
        return HTTPResponse(
            status: 200,
            headers: HTTPHeaders([
                ("Content-Type", file.mediaType), ("Cache-Control", "no-cache"), ("Content-Security-Policy", policy),
                ("Referrer-Policy", "no-referrer"), ("Cross-Origin-Opener-Policy", "same-origin"),
            ]), body: .bytes(file.bytes))
    }
}
