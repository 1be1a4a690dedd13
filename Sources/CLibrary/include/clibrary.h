// Opens shared libraries by the names that distributions give them, and says what is there where one is missing.
#ifndef CLIBRARY_H
#define CLIBRARY_H

#include <stdbool.h>
#include <stdio.h>

/// Why a library cannot be used; `name` is NULL while none failed.
typedef struct clib_failure {
    const char *_Nullable name;
    char reason[512];
} clib_failure;

/// Opens the first of `names` that the dynamic linker finds, else the newest that `ldconfig -p` lists as the first name
/// with further numbers (libdnnl.so.3.6 for libdnnl.so.3). `names` ends with NULL and lives for ever; a failure is
/// about the first. NULL, and the failure is filled in, where there is none.
void *_Nullable clib_open(const char *_Nullable const *_Nonnull names, clib_failure *_Nonnull failure);

/// Stores the address of a function of the library that was opened as `library`. False, and the failure is filled in,
/// where it has none of that name.
bool clib_find(void *_Nonnull handle, const char *_Nonnull library, const char *_Nonnull function,
               void *_Nonnull address, clib_failure *_Nonnull failure);

/// Enough for the names of files.
enum { clib_name_bytes = 256 };

/// What a listing as `ldconfig -p` prints it has for `name`: the newest with further numbers, and the newest of any
/// other number (libdnnl.so.2 for libdnnl.so.3). Empty texts where it has none.
void clib_read_listing(FILE *_Nonnull listing, const char *_Nonnull name, char fitting[_Nonnull clib_name_bytes],
                       char other[_Nonnull clib_name_bytes]);

#endif
