#ifndef CBUILTINMODEL_H
#define CBUILTINMODEL_H

#include <stddef.h>

/// A file inside the binary.
typedef struct {
    /// Its path in the model's folder: "vae/config.json".
    const char *path;
    const unsigned char *bytes;
    size_t count;
} cbuiltin_file;

/// The files of the built-in model, for ever; their number in `count`.
const cbuiltin_file *cbuiltin_model_files(size_t *count);

/// weights-manifest.json, for ever.
cbuiltin_file cbuiltin_manifest(void);

#endif
