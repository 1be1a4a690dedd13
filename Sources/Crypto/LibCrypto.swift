import CCrypto

/// The libcrypto of this machine.
@safe package struct LibCrypto {
    private let table: UnsafePointer<CCrypto>

    /// Opens the library at the first use in the process.
    init() throws(CryptoError) {
        var library: UnsafePointer<CChar>?
        var reason: UnsafePointer<CChar>?
        guard let table = unsafe ccr_open(&library, &reason) else {
            throw unsafe .libraryMissing(
                name: library.map { unsafe String(cString: $0) } ?? "libcrypto",
                reason: reason.map { unsafe String(cString: $0) } ?? "unknown reason")
        }
        unsafe self.table = table
    }

    /// "OpenSSL 3.0.19 27 Jan 2026".
    package static func version() throws(CryptoError) -> String {
        unsafe try LibCrypto().call.OpenSSL_version(OPENSSL_VERSION).map { unsafe String(cString: $0) } ?? "unknown"
    }

    /// Its functions under their own names.
    @unsafe var call: CCrypto { unsafe table.pointee }
}
