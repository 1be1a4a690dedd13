// Small kernels for the tests of the fake driver.
#ifndef FAKE_PROBES_H
#define FAKE_PROBES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// probe_scale: out[i] = factor · x[i + shift] for i below count. f32. probe_add adds it to out.
typedef struct fake_probe_arguments {
    uint64_t out, x;
    float factor;
    int count;
    int64_t shift;
} fake_probe_arguments;

/// A module that defines probe_scale and probe_add, as a text for NVRTC.
const char *fake_probe_text(void);

#ifdef __cplusplus
}
#endif

#endif
