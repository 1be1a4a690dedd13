#include "onednn_table.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define SONAME_OF(major) "libdnnl.so." #major
#define PACKAGE_OF(major) "libdnnl" #major
// The extra step expands the version macro before it is turned into text.
#define SONAME(major) SONAME_OF(major)
#define PACKAGE(major) PACKAGE_OF(major)

cdnn_table onednn;
static void (*set_threads)(int);
static bool is_open;
static char failure[512];

static void fail(void) {
    const char *text = dlerror();
    snprintf(failure, sizeof failure, "%s", text ? text : "no reason given");
}

#define CDNN_RESOLVE(name)                                                                                             \
    if (!(*(void **)&onednn.name = dlsym(library, #name)))                                                             \
        return fail();

static void open_library(void) {
    // Debian's oneDNN uses libgomp, whose idle threads spin for milliseconds. Where they share a core with anything
    // else, our own threads included, that made small models twenty times slower. It reads this once, when the first
    // library that needs it is opened. Not before main: Swift's runtime finds the arguments of a statically linked
    // program beside the environment, which setenv moves.
    setenv("OMP_WAIT_POLICY", "passive", 0);
    void *library = dlopen(SONAME(DNNL_VERSION_MAJOR), RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return fail();
    CDNN_FUNCTIONS(CDNN_RESOLVE)
    *(void **)&set_threads = dlsym(library, "omp_set_num_threads");
    is_open = true;
}

bool cdnn_open(const char **reason) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, open_library);
    *reason = failure;
    return is_open;
}

const char *cdnn_package(void) { return PACKAGE(DNNL_VERSION_MAJOR); }

void cdnn_set_threads(int threads) {
    if (set_threads)
        set_threads(threads);
}
