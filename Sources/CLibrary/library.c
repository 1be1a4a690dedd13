// For strverscmp, which takes 3.10 for newer than 3.9.
#define _GNU_SOURCE

#include "clibrary.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

static void take_newer(char newest[clib_name_bytes], const char *name) {
    if (strlen(name) < clib_name_bytes && strverscmp(newest, name) < 0)
        strcpy(newest, name);
}

void clib_read_listing(FILE *listing, const char *name, char fitting[clib_name_bytes], char other[clib_name_bytes]) {
    const char *suffix = strstr(name, ".so.");
    size_t stem = suffix ? (size_t)(suffix - name) + strlen(".so.") : strlen(name);
    size_t length = strlen(name);
    char *line = NULL;
    size_t bytes = 0;
    fitting[0] = other[0] = 0;
    // A line is "\tlibdnnl.so.3.6 (libc6,x86-64) => /lib/x86_64-linux-gnu/libdnnl.so.3.6".
    while (getline(&line, &bytes, listing) > 0) {
        char *rest = NULL;
        const char *found = strtok_r(line, " \t\n", &rest);
        if (!found)
            continue;
        if (!strncmp(found, name, length) && found[length] == '.')
            take_newer(fitting, found);
        else if (!strncmp(found, name, stem) && strcmp(found, name))
            take_newer(other, found);
    }
    free(line);
}

static void *open_one(const char *name, clib_failure *failure) {
    void *handle = dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (!handle) {
        const char *text = dlerror();
        snprintf(failure->reason, sizeof failure->reason, "%s", text ? text : "no reason given");
    }
    return handle;
}

/// Whether the reason is that there is no such library, not that a library which is there cannot be loaded.
static bool is_absent(const char *name, const clib_failure *failure) {
    size_t length = strlen(name);
    return !strncmp(failure->reason, name, length) && strstr(failure->reason + length, "No such file");
}

void *clib_open(const char *const *names, clib_failure *failure) {
    char fitting[clib_name_bytes] = "", other[clib_name_bytes] = "";
    failure->name = NULL;
    for (const char *const *name = names; *name; name++) {
        void *handle = open_one(*name, failure);
        if (handle)
            return handle;
        if (!is_absent(*name, failure)) {
            failure->name = names[0];
            return NULL;
        }
    }
    FILE *listing = popen("/sbin/ldconfig -p 2>/dev/null", "re");
    if (listing) {
        clib_read_listing(listing, names[0], fitting, other);
        pclose(listing);
    }
    void *handle = fitting[0] ? open_one(fitting, failure) : NULL;
    if (handle)
        return handle;
    failure->name = names[0];
    if (!fitting[0] && other[0])
        snprintf(failure->reason, sizeof failure->reason, "it is not there, but %s is", other);
    else if (!fitting[0])
        strcpy(failure->reason, "it is not there");
    return NULL;
}

bool clib_find(void *handle, const char *library, const char *function, void *address, clib_failure *failure) {
    void *found = dlsym(handle, function);
    if (!found) {
        failure->name = library;
        snprintf(failure->reason, sizeof failure->reason, "it has no %s", function);
        return false;
    }
    memcpy(address, &found, sizeof found);
    return true;
}
