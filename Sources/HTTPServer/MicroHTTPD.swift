import CMicroHTTPD

// Safe: the table never changes once it is filled, and lives for ever.
/// The libmicrohttpd of this machine.
@safe package struct MicroHTTPD: @unchecked Sendable {
    private let table: UnsafePointer<CMicroHTTPD>

    /// Opens the library at the first use in the process.
    init() throws(HTTPServerError) {
        var library: UnsafePointer<CChar>?
        var reason: UnsafePointer<CChar>?
        guard let table = unsafe cmh_open(&library, &reason) else {
            throw unsafe .libraryMissing(
                name: library.map { unsafe String(cString: $0) } ?? "libmicrohttpd",
                reason: reason.map { unsafe String(cString: $0) } ?? "unknown reason")
        }
        unsafe self.table = table
    }

    /// "0.9.75".
    package static func version() throws(HTTPServerError) -> String {
        unsafe try MicroHTTPD().call.MHD_get_version().map { unsafe String(cString: $0) } ?? "unknown"
    }

    /// The library's functions under their own names.
    @unsafe var call: CMicroHTTPD { unsafe table.pointee }

    @unsafe var pointer: UnsafePointer<CMicroHTTPD> { unsafe table }
}
