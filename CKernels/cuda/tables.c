// Tables of the functions that are used of NVIDIA's libraries.
#include "ck_cuda.h"

#include <string.h>

/// Drivers before 12.0 lack it; only kernels for sm_90a need it.
static int is_optional(const char *name) { return strcmp(name, "cuTensorMapEncodeTiled") == 0; }

#define FILL(name, arguments)                                                                                          \
    *(void **)&table->name = lookup(context, #name);                                                                   \
    if (!table->name && !is_optional(#name))                                                                           \
        return #name;

const char *ck_driver_fill(ck_driver *table, ck_lookup lookup, void *context) {
    CK_DRIVER_FUNCTIONS(FILL)
    return NULL;
}

const char *ck_nvrtc_fill(ck_nvrtc *table, ck_lookup lookup, void *context) {
    CK_NVRTC_FUNCTIONS(FILL)
    return NULL;
}

const char *ck_nvml_fill(ck_nvml *table, ck_lookup lookup, void *context) {
    CK_NVML_FUNCTIONS(FILL)
    return NULL;
}

const char *ck_cublaslt_fill(ck_cublaslt *table, ck_lookup lookup, void *context) {
    CK_CUBLASLT_FUNCTIONS(FILL)
    return NULL;
}
