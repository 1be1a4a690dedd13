// SQLite, opened at run time. Its types and constants come from the header of the build machine, its functions from
// libsqlite3 of this machine, found with dlopen. So the binary starts without loading it, and runs where there is none.
#ifndef CSQLITE_H
#define CSQLITE_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

// clang-format off
#define CSQ_FUNCTIONS(X)                                                                                               \
    X(sqlite3_libversion_number) X(sqlite3_libversion) X(sqlite3_open_v2) X(sqlite3_close_v2) X(sqlite3_errmsg)        \
    X(sqlite3_extended_errcode) X(sqlite3_extended_result_codes) X(sqlite3_system_errno) X(sqlite3_busy_timeout)       \
    X(sqlite3_db_config) X(sqlite3_limit) X(sqlite3_prepare_v3) X(sqlite3_finalize) X(sqlite3_step) X(sqlite3_reset)   \
    X(sqlite3_clear_bindings) X(sqlite3_bind_parameter_count) X(sqlite3_bind_null) X(sqlite3_bind_int64)               \
    X(sqlite3_bind_double) X(sqlite3_bind_text) X(sqlite3_column_count) X(sqlite3_column_type) X(sqlite3_column_int64) \
    X(sqlite3_column_double) X(sqlite3_column_text) X(sqlite3_column_bytes) X(sqlite3_changes)                         \
    X(sqlite3_last_insert_rowid) X(sqlite3_get_autocommit)
// clang-format on

/// One pointer for each SQLite function in use, under the function's own name.
typedef struct CSQLite {
#define CSQ_FIELD(name) __typeof__(name) *_Nonnull name;
    CSQ_FUNCTIONS(CSQ_FIELD)
#undef CSQ_FIELD
} CSQLite;

/// The functions of the library on this machine, opened at the first call; thread-safe. Where it is missing: NULL, its
/// file name in `library` and the dynamic linker's reason in `reason` (both live for ever).
const CSQLite *_Nullable csq_open(const char *_Nullable *_Nonnull library, const char *_Nullable *_Nonnull reason);

/// sqlite3_bind_text with a copy made (SQLITE_TRANSIENT is a cast, which Swift does not import).
int csq_bind_text(const CSQLite *_Nonnull sqlite, sqlite3_stmt *_Nonnull statement, int index,
                  const char *_Nonnull text, int count);
/// Switches an option of the connection on or off (sqlite3_db_config is variadic).
int csq_configure(const CSQLite *_Nonnull sqlite, sqlite3 *_Nonnull connection, int option, bool on);

/// The magic number of the file system that a file is on, by statfs(2), which Swift does not import; -1 with errno
/// where it cannot be told.
int csq_file_system(int descriptor, uint32_t *_Nonnull magic);

#endif
