#include "csqlite.h"

#include <clibrary.h>
#include <pthread.h>
#include <sys/vfs.h>

static const char *const names[] = {"libsqlite3.so.0", NULL};
static CSQLite table;
static clib_failure failure;

#define CSQ_RESOLVE(name)                                                                                              \
    if (!clib_find(handle, names[0], #name, &table.name, &failure)) {                                                  \
        return;                                                                                                        \
    }

static void open_library(void) {
    void *handle = clib_open(names, &failure);
    if (!handle) {
        return;
    }
    CSQ_FUNCTIONS(CSQ_RESOLVE)
}

const CSQLite *csq_open(const char **library, const char **reason) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    *library = failure.name;
    *reason = failure.reason;
    return failure.name ? NULL : &table;
}

int csq_bind_text(const CSQLite *sqlite, sqlite3_stmt *statement, int index, const char *text, int count) {
    return sqlite->sqlite3_bind_text(statement, index, text, count, SQLITE_TRANSIENT);
}

int csq_configure(const CSQLite *sqlite, sqlite3 *connection, int option, bool on) {
    return sqlite->sqlite3_db_config(connection, option, (int)on, (int *)NULL);
}

int csq_file_system(int descriptor, uint32_t *magic) {
    struct statfs facts;
    if (fstatfs(descriptor, &facts)) {
        return -1;
    }
    *magic = (uint32_t)facts.f_type;
    return 0;
}
