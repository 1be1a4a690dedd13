// Where the functions of an opened library are, and its file.
#define _GNU_SOURCE
#include "ck_cuda.h"

#include <dlfcn.h>
#include <link.h>

void *ck_library_symbol(void *handle, const char *symbol) { return dlsym(handle, symbol); }

const char *ck_library_path(void *handle) {
    struct link_map *map = NULL;
    return dlinfo(handle, RTLD_DI_LINKMAP, &map) == 0 && map ? map->l_name : NULL;
}
