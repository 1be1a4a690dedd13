// Small kernels for the tests of the emulation itself: right ones, of which a test spoils one word after the other, and
// one that does what it is told of what no kernel may.
#ifndef EMULATION_PROBES_H
#define EMULATION_PROBES_H

#include "ck_cuda_arguments.h"

/// emulation_probe_sum: out [blocks] sums of x [blocks, threads], f32, 128 threads.
/// emulation_probe_product: out [32, 8] = x [32, count] · y [8, count]ᵀ, bf16 to f32, 64 threads; count a multiple of 32.
typedef struct emulation_probe_arguments {
    ck_address out, x, y;
    int count;
    int fault; ///< one of emulation_fault
} emulation_probe_arguments;

enum { EMULATION_PROBE_PRODUCT_SHARED = 1024 + 2 * 40 * 64, EMULATION_PROBE_SUM_SHARED = 1024 + 4 * 4 };

/// emulation_probe_warpgroup: out [64, 64] = a [64, count] · b, bf16, b [64, count] or, where transposed, [count, 64];
/// 256 threads; count a multiple of 64.
typedef struct emulation_probe_warpgroup_arguments {
    ck_tensor_map a, b, out; ///< boxes {64, 64}, swizzled by 128 bytes
    int count, transposed;
    int reserved[14];
} emulation_probe_warpgroup_arguments;

enum { EMULATION_PROBE_WARPGROUP_SHARED = 1024 + 2 * 16384 + 8192 + 64 };

/// What emulation_probe_fault does wrong, 64 threads; out has `count` floats, to the end of its memory.
typedef enum emulation_fault {
    EMULATION_FAULT_NONE,
    EMULATION_FAULT_OVERRUN,
    EMULATION_FAULT_NULL,
    EMULATION_FAULT_MISALIGNED,
    EMULATION_FAULT_OVERFLOW,
    EMULATION_FAULT_REGISTER_INDEX,
    EMULATION_FAULT_RECURSION,
    EMULATION_FAULT_SHARED_OVERRUN,
    EMULATION_FAULT_SHARED_MISALIGNED,
    EMULATION_FAULT_UNINITIALIZED,
    EMULATION_FAULT_LANE_RACE,
    EMULATION_FAULT_DIVERGENT_BARRIER,
    EMULATION_FAULT_DIVERGENT_LANES,
    EMULATION_FAULT_EARLY_EXIT,
    EMULATION_FAULT_NAMED_BARRIER_COUNT,
    EMULATION_FAULT_BARRIER_AT_NOTHING,
    EMULATION_FAULT_TWO_ARRIVALS,
    EMULATION_FAULT_NO_REGISTERS,
    EMULATION_FAULT_LOCAL_MAP,
    EMULATION_FAULT_COUNT
} emulation_fault;

#endif
