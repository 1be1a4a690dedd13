import CSQLite

/// A prepared statement, which is finalized with its last use.
@safe final class Statement {
    private let sqlite: SQLite
    private let handle: OpaquePointer

    @unsafe init(_ sqlite: SQLite, _ handle: OpaquePointer) {
        self.sqlite = sqlite
        unsafe self.handle = unsafe handle
    }

    deinit {
        unsafe _ = sqlite.call.sqlite3_finalize(handle)
    }

    /// Binds all places; nil or the status of the call that failed.
    func bind(_ values: [SQLValue]) -> Int32? {
        precondition(unsafe Int(sqlite.call.sqlite3_bind_parameter_count(handle)) == values.count)
        var place: Int32 = 0
        for value in values {
            place += 1
            let status = bind(value, place)
            guard status == SQLITE_OK else { return status }
        }
        return nil
    }

    private func bind(_ value: SQLValue, _ place: Int32) -> Int32 {
        switch value {
        case .null: unsafe sqlite.call.sqlite3_bind_null(handle, place)
        case .integer(let number): unsafe sqlite.call.sqlite3_bind_int64(handle, place, Int64(number))
        case .real(let number): unsafe sqlite.call.sqlite3_bind_double(handle, place, number)
        case .text(let text): bind(text, place)
        }
    }

    private func bind(_ text: String, _ place: Int32) -> Int32 {
        var text = text
        return text.withUTF8 { bytes in
            guard let count = Int32(exactly: bytes.count) else { return SQLITE_TOOBIG }
            return unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
                // No address stands for NULL, and an empty text may have none.
                guard let base = characters.baseAddress else {
                    return unsafe csq_bind_text(sqlite.pointer, handle, place, "", 0)
                }
                return unsafe csq_bind_text(sqlite.pointer, handle, place, base, count)
            }
        }
    }

    func step() -> Int32 { unsafe sqlite.call.sqlite3_step(handle) }

    /// Makes it ready for its next use.
    func reset() {
        unsafe _ = sqlite.call.sqlite3_reset(handle)
        unsafe _ = sqlite.call.sqlite3_clear_bindings(handle)
    }
}

/// What the columns of a result hold; good until the next step.
extension Statement {
    func integer(_ column: Int32) -> Int? {
        guard unsafe sqlite.call.sqlite3_column_type(handle, column) == SQLITE_INTEGER else { return nil }
        return unsafe Int(sqlite.call.sqlite3_column_int64(handle, column))
    }

    func real(_ column: Int32) -> Double? {
        guard unsafe sqlite.call.sqlite3_column_type(handle, column) == SQLITE_FLOAT else { return nil }
        return unsafe sqlite.call.sqlite3_column_double(handle, column)
    }

    /// nil where the bytes are not UTF-8, too.
    func text(_ column: Int32) -> String? {
        guard unsafe sqlite.call.sqlite3_column_type(handle, column) == SQLITE_TEXT else { return nil }
        guard let bytes = unsafe sqlite.call.sqlite3_column_text(handle, column) else { return nil }
        let count = unsafe Int(sqlite.call.sqlite3_column_bytes(handle, column))
        return unsafe String(validating: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
    }

    func isNull(_ column: Int32) -> Bool {
        unsafe sqlite.call.sqlite3_column_type(handle, column) == SQLITE_NULL
    }
}
