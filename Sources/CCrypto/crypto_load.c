#include "ccrypto.h"

#include <clibrary.h>
#include <pthread.h>

static const char *const names[] = {"libcrypto.so.3", "libcrypto.so.1.1", NULL};
static CCrypto table;
static clib_failure failure;

#define CCR_RESOLVE(name)                                                                                              \
    if (!clib_find(handle, names[0], #name, &table.name, &failure)) {                                                  \
        return;                                                                                                        \
    }

static void open_library(void) {
    void *handle = clib_open(names, &failure);
    if (!handle) {
        return;
    }
    CCR_FUNCTIONS(CCR_RESOLVE)
}

const CCrypto *ccr_open(const char **library, const char **reason) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    *library = failure.name;
    *reason = failure.reason;
    return failure.name ? NULL : &table;
}
