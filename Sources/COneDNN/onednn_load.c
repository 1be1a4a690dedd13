#include "onednn_table.h"

#include <clibrary.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdlib.h>

cdnn_table onednn;
static void (*set_threads)(int);
static clib_failure failure;

#if DNNL_VERSION_MAJOR >= 3
// Debian 13 numbers version 3 by an ABI of its own.
static const char *const names[] = {"libdnnl.so.3", "libdnnl.so.3.6", NULL};
#else
static const char *const names[] = {"libdnnl.so.2", NULL};
#endif

#define CDNN_RESOLVE(name)                                                                                             \
    if (!clib_find(library, names[0], #name, &onednn.name, &failure))                                                  \
        return;

static void open_library(const char *max_isa) {
    // Debian's oneDNN uses libgomp, whose idle threads spin for milliseconds. Where they share a core with anything
    // else, our own threads included, that made small models twenty times slower. It reads this once, when the first
    // library that needs it is opened. Not before main: Swift's runtime finds the arguments of a statically linked
    // program beside the environment, which setenv moves.
    setenv("OMP_WAIT_POLICY", "passive", 0);
    if (max_isa)
        setenv("ONEDNN_MAX_CPU_ISA", max_isa, 0);
    void *library = clib_open(names, &failure);
    if (!library)
        return;
    CDNN_FUNCTIONS(CDNN_RESOLVE)
    *(void **)&set_threads = dlsym(library, "omp_set_num_threads");
}

bool cdnn_open(const char *max_isa, const char **reason) {
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static bool was_tried;
    pthread_mutex_lock(&lock);
    if (!was_tried)
        open_library(max_isa);
    was_tried = true;
    pthread_mutex_unlock(&lock);
    *reason = failure.reason;
    return !failure.name;
}

const char *cdnn_library(void) { return names[0]; }

void cdnn_set_threads(int threads) {
    if (set_threads)
        set_threads(threads);
}
