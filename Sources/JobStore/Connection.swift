import CSQLite
import Glibc

/// A connection to the journal with the statements that it has prepared.
// Safe: used by one thread at a time, who holds the writer's lock or took the connection out of the pool.
@safe final class Connection: @unchecked Sendable {
    private static let longestValueBytes: Int32 = 1 << 24
    private static let busyMilliseconds: Int32 = 5000

    private let sqlite: SQLite
    private let handle: OpaquePointer
    private var statements: [SQL: Statement] = [:]

    /// - Parameter path: of a file that is there, without symbolic links in it.
    init(_ path: String, canWrite: Bool) throws(StoreError) {
        sqlite = try SQLite()
        var handle: OpaquePointer?
        // Without a lock of its own: one thread at a time uses it.
        let flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW
        let status = unsafe sqlite.call.sqlite3_open_v2(path, &handle, flags, nil)
        guard let handle = unsafe handle else { throw .database(code: status, text: "out of memory") }
        unsafe self.handle = handle
        if status != SQLITE_OK { throw failure(status) }
        unsafe _ = sqlite.call.sqlite3_extended_result_codes(handle, 1)
        unsafe _ = sqlite.call.sqlite3_busy_timeout(handle, Self.busyMilliseconds)
        unsafe _ = sqlite.call.sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, Self.longestValueBytes)
        unsafe _ = csq_configure(sqlite.pointer, handle, SQLITE_DBCONFIG_DEFENSIVE, true)
        unsafe _ = csq_configure(sqlite.pointer, handle, SQLITE_DBCONFIG_DQS_DML, false)
        unsafe _ = csq_configure(sqlite.pointer, handle, SQLITE_DBCONFIG_DQS_DDL, false)
        try run("PRAGMA trusted_schema = OFF")
        try run("PRAGMA cell_size_check = ON")
        try run("PRAGMA foreign_keys = ON")
        try run("PRAGMA mmap_size = 0")
        if canWrite { try prepareForWriting() } else { try run("PRAGMA query_only = ON") }
    }

    deinit {
        statements = [:]
        unsafe _ = sqlite.call.sqlite3_close_v2(handle)
    }

    private func prepareForWriting() throws(StoreError) {
        try signEmpty()
        let mode = try rows("PRAGMA journal_mode = WAL") { (row: inout Row) throws(StoreError) in try row.text() }
        guard mode == ["wal"] else { throw .database(code: SQLITE_ERROR, text: "write-ahead logging is not possible") }
        // Every commit is on the disk before anybody is told of it.
        try run("PRAGMA synchronous = FULL")
        try run("PRAGMA journal_size_limit = 16777216")
    }

    /// Gives a journal that is being made our mark.
    ///
    /// While it is a single file: after a crash its own head, not a log beside it, says that it is ours.
    private func signEmpty() throws(StoreError) {
        let pages = try rows("PRAGMA page_count") { (row: inout Row) throws(StoreError) in try row.integer() }
        if pages == [0] { try run("PRAGMA application_id = 0x57414E4A") }
    }

    /// Runs a statement; the number of rows that it changed.
    @discardableResult
    func run(_ sql: SQL, _ values: [SQLValue] = []) throws(StoreError) -> Int {
        _ = try rows(sql, values) { _ throws(StoreError) in }
        return unsafe Int(sqlite.call.sqlite3_changes(handle))
    }

    /// Runs a query and reads its rows.
    func rows<T>(
        _ sql: SQL, _ values: [SQLValue] = [], _ read: (inout Row) throws(StoreError) -> T
    ) throws(StoreError) -> [T] {
        let statement = try prepared(sql)
        defer { statement.reset() }
        if let status = statement.bind(values) { throw failure(status) }
        var found: [T] = []
        while true {
            let status = statement.step()
            if status == SQLITE_DONE { return found }
            guard status == SQLITE_ROW else { throw failure(status) }
            var row = Row(statement)
            found.append(try read(&row))
        }
    }

    /// All changes of `body`, or none of them.
    func transaction<T>(_ body: () throws(StoreError) -> T) throws(StoreError) -> T {
        try run("BEGIN IMMEDIATE")
        do throws(StoreError) {
            let result = try body()
            try run("COMMIT")
            return result
        } catch {
            // Some failures have rolled back already.
            if unsafe sqlite.call.sqlite3_get_autocommit(handle) == 0 { _ = try? run("ROLLBACK") }
            throw error
        }
    }

    var lastRow: Int { unsafe Int(sqlite.call.sqlite3_last_insert_rowid(handle)) }

    private func prepared(_ sql: SQL) throws(StoreError) -> Statement {
        if let statement = statements[sql] { return statement }
        var compiled: OpaquePointer?
        let status = unsafe sqlite.call.sqlite3_prepare_v3(
            handle, sql.text, -1, UInt32(SQLITE_PREPARE_PERSISTENT), &compiled, nil)
        guard status == SQLITE_OK, let compiled = unsafe compiled else { throw failure(status) }
        let statement = unsafe Statement(sqlite, compiled)
        statements[sql] = statement
        return statement
    }

    private func failure(_ status: Int32) -> StoreError {
        let text = unsafe sqlite.call.sqlite3_errmsg(handle).map { unsafe String(cString: $0) } ?? "no reason given"
        switch status & 0xFF {
        case SQLITE_FULL: return .diskFull
        case SQLITE_CORRUPT, SQLITE_NOTADB: return .damaged(text)
        case SQLITE_IOERR, SQLITE_CANTOPEN:
            let number = unsafe sqlite.call.sqlite3_system_errno(handle)
            return number == ENOSPC || number == EDQUOT ? .diskFull : .database(code: status, text: text)
        default: return .database(code: status, text: text)
        }
    }
}
