#include "ccrypto.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

static const char soname[] = "libcrypto.so.3";
static const char older_soname[] = "libcrypto.so.1.1";
static CCrypto table;
static bool is_open;
static char failure[512];

static void fail(void) {
    const char *text = dlerror();
    snprintf(failure, sizeof failure, "%s", text ? text : "no reason given");
}

#define CCR_RESOLVE(name)                                                                                              \
    if (!(*(void **)&table.name = dlsym(handle, #name))) {                                                             \
        return fail();                                                                                                 \
    }

static void open_library(void) {
    void *handle = dlopen(soname, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        // The reason to be told is the newer one's.
        fail();
        handle = dlopen(older_soname, RTLD_NOW | RTLD_LOCAL);
        if (!handle) {
            return;
        }
    }
    CCR_FUNCTIONS(CCR_RESOLVE)
    is_open = true;
}

const CCrypto *ccr_open(const char **library, const char **reason) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    *library = soname;
    *reason = failure;
    return is_open ? &table : NULL;
}
