#ifndef CSTARTPAGE_H
#define CSTARTPAGE_H

#include <stddef.h>

/// A file of the start page, inside the binary.
typedef struct {
    /// Where it is served: "/", "/start.css".
    const char *path;
    const char *media_type;
    const unsigned char *bytes;
    size_t count;
} cstartpage_file;

/// The files of the start page, for ever; their number in `count`.
const cstartpage_file *cstartpage_files(size_t *count);

/// The Content-Security-Policy that they are written for, for ever.
const char *cstartpage_policy(void);

#endif
