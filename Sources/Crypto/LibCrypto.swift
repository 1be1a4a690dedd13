import CCrypto

/// The libcrypto of this machine.
@safe struct LibCrypto {
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

    /// Its functions under their own names.
    @unsafe var call: CCrypto { unsafe table.pointee }
}
