// Runs the CUDA kernels on the CPU, thread by thread, and reports what a GPU would do silently wrong: races in shared
// memory, data read before it has landed, threads that never meet, addresses outside their arrays.
#ifndef KERNEL_EMULATION_H
#define KERNEL_EMULATION_H

#include "ck_cuda.h"
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// ---- Kernels

typedef struct emulation_kernel emulation_kernel;

/// NULL where no kernel has this name.
const emulation_kernel *emulation_find(const char *name);
size_t emulation_kernel_count(void);
const emulation_kernel *emulation_kernel_at(size_t index);
const char *emulation_kernel_name(const emulation_kernel *kernel);
/// Bytes of its one argument.
size_t emulation_kernel_argument_bytes(const emulation_kernel *kernel);
/// The most threads that a block may have.
int emulation_kernel_threads(const emulation_kernel *kernel);

// ---- Launches

/// One place in a kernel where a synchronising word stands, or one to spoil there.
typedef struct emulation_site {
    const char *word;
    const char *file;
    int line;
    /// What is done to it: "skip"; waits: "one group less", "other parity"; barriers: "one arrival less", "fewer
    /// bytes"; products of warpgroups: "stride" and "swizzle", of their right operand.
    const char *fault;
} emulation_site;

typedef struct emulation_options {
    uint64_t seed;               ///< of the order in which warps run
    int cpu_threads;             ///< 0: one a core
    const emulation_site *plant; ///< a fault to plant, or NULL
    int list_sites;              ///< not 0: collect the places where a fault could be planted
} emulation_options;

typedef struct emulation_counters {
    uint64_t blocks, threads, switches;
    uint64_t block_barriers, copies, matrix_loads, matrix_stores, multiplications, shuffles;
    uint64_t tensor_copies, warpgroup_products;
    uint64_t bank_conflicts; ///< extra passes over shared memory
} emulation_counters;

typedef struct emulation_result emulation_result;

/// Runs a grid; `arguments` points to the bytes of the argument struct. `options` may be NULL.
emulation_result *emulation_launch(const emulation_kernel *kernel, const unsigned grid[3], unsigned threads,
                                   size_t shared_bytes, const void *arguments, const emulation_options *options);
/// Different violations; each is reported once.
size_t emulation_result_violation_count(const emulation_result *result);
const char *emulation_result_violation(const emulation_result *result, size_t index);
/// Addresses outside every array that the kernel reached for, also among the violations.
size_t emulation_result_fault_count(const emulation_result *result);
const void *emulation_result_fault(const emulation_result *result, size_t index);
const emulation_counters *emulation_result_counters(const emulation_result *result);
size_t emulation_result_site_count(const emulation_result *result);
const emulation_site *emulation_result_site(const emulation_result *result, size_t index);
void emulation_result_free(emulation_result *result);

// ---- Memory

/// An array aligned to 16 bytes that ends, up to that alignment, against a page nobody may touch; filled with NaN. NULL
/// where there is no room.
void *emulation_allocate(size_t bytes);
void emulation_free(void *memory, size_t bytes);

/// What the driver's cuTensorMapEncodeTiled does: writes a map that the kernels' tensor words can read here. A
/// CUresult.
int emulation_write_tensor_map(const ck_tensor_layout *layout, ck_tensor_map *map);

#ifdef __cplusplus
}
#endif

#endif
