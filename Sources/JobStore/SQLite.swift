import CSQLite

/// The SQLite of this machine.
@safe package struct SQLite {
    /// The first with STRICT tables.
    private static let oldestVersion: Int32 = 3_037_000

    private let table: UnsafePointer<CSQLite>

    /// Opens the library at the first use in the process.
    init() throws(StoreError) {
        var library: UnsafePointer<CChar>?
        var reason: UnsafePointer<CChar>?
        guard let table = unsafe csq_open(&library, &reason) else {
            throw unsafe .libraryMissing(
                name: library.map { unsafe String(cString: $0) } ?? "libsqlite3",
                reason: reason.map { unsafe String(cString: $0) } ?? "unknown reason")
        }
        unsafe self.table = table
        guard unsafe call.sqlite3_libversion_number() >= Self.oldestVersion else {
            throw .libraryTooOld(found: version, needed: "3.37")
        }
    }

    /// "3.40.1".
    package static func version() throws(StoreError) -> String { try SQLite().version }

    private var version: String {
        unsafe call.sqlite3_libversion().map { unsafe String(cString: $0) } ?? "unknown"
    }

    /// Its functions under their own names.
    @unsafe var call: CSQLite { unsafe table.pointee }

    @unsafe var pointer: UnsafePointer<CSQLite> { unsafe table }
}
