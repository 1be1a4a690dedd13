import CCurl

/// The libcurl of this machine.
@safe package struct Curl {
    private let table: UnsafePointer<CCurl>

    /// Opens the library at the first use in the process.
    init() throws(HTTPClientError) {
        var library: UnsafePointer<CChar>?
        var reason: UnsafePointer<CChar>?
        guard let table = unsafe ccurl_open(&library, &reason) else {
            throw unsafe .libraryMissing(
                name: library.map { unsafe String(cString: $0) } ?? "libcurl.so.4",
                reason: reason.map { unsafe String(cString: $0) } ?? "unknown reason")
        }
        unsafe self.table = table
    }

    /// "7.88.1".
    package static func version() throws(HTTPClientError) -> String {
        let text = unsafe try Curl().call.curl_version().map { unsafe String(cString: $0) } ?? ""
        // "libcurl/7.88.1 OpenSSL/3.0.19 zlib/1.2.13 …"
        return text.split(separator: " ").first?.split(separator: "/").last.map(String.init) ?? "unknown"
    }

    /// libcurl's functions under their own names.
    @unsafe var call: CCurl { unsafe table.pointee }

    @unsafe var pointer: UnsafePointer<CCurl> { unsafe table }

    /// libcurl's fixed text for a status; never holds anything of the call.
    func text(_ code: CURLcode) -> String {
        unsafe call.curl_easy_strerror(code).map { unsafe String(cString: $0) } ?? "error \(code.rawValue)"
    }
}
