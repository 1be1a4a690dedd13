#include "csqlite.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/vfs.h>

static const char soname[] = "libsqlite3.so.0";
static CSQLite table;
static bool is_open;
static char failure[512];

static void fail(void) {
    const char *text = dlerror();
    snprintf(failure, sizeof failure, "%s", text ? text : "no reason given");
}

#define CSQ_RESOLVE(name)                                                                                              \
    if (!(*(void **)&table.name = dlsym(handle, #name))) {                                                             \
        return fail();                                                                                                 \
    }

static void open_library(void) {
    void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        return fail();
    }
    CSQ_FUNCTIONS(CSQ_RESOLVE)
    is_open = true;
}

const CSQLite *csq_open(const char **library, const char **reason) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    *library = soname;
    *reason = failure;
    return is_open ? &table : NULL;
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
