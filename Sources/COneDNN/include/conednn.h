// oneDNN, opened at run time, behind an interface of our own, because its versions 2 and 3 have different ones. The
// library must have the major version of the build machine's header; it is found with dlopen. So the binary starts
// without loading 40 MB of kernels, and OpenMP, which reads its settings only once, can be told first how to wait.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/// How one element is stored.
typedef enum cdnn_dtype { CDNN_DTYPE_F32, CDNN_DTYPE_BF16 } cdnn_dtype;
/// Order of the dimensions in memory, named as oneDNN does; ANY leaves it to the primitive.
typedef enum cdnn_order { CDNN_ORDER_ANY, CDNN_ORDER_A, CDNN_ORDER_AB, CDNN_ORDER_BA, CDNN_ORDER_NHWC } cdnn_order;
/// What happens to a sum y before it is stored.
typedef enum cdnn_after {
    CDNN_AFTER_NOTHING,
    CDNN_AFTER_GELU, ///< tanh approximation
    CDNN_AFTER_SILU,
    CDNN_AFTER_ADD,      ///< out += y
    CDNN_AFTER_GATED_ADD ///< out += y * gate
} cdnn_after;

/// The function that failed and its status; after success `call` is NULL. The text lives for ever.
typedef struct cdnn_result {
    const char *_Nullable call;
    int status;
} cdnn_result;
typedef struct cdnn_version {
    int major, minor, patch;
} cdnn_version;

/// Opens the library at the first call; thread-safe. `max_isa` is the most that it may use of the CPU's instructions,
/// in the words of ONEDNN_MAX_CPU_ISA, which goes before it; NULL for everything. False where the library is missing:
/// then `reason`, which lives for ever, says why. The functions after cdnn_library need it open.
bool cdnn_open(const char *_Nullable max_isa, const char *_Nullable *_Nonnull reason);
/// The file name that the library is known by, open or not.
const char *_Nonnull cdnn_library(void);
/// Threads for primitives that the calling thread creates and runs next; without effect on a oneDNN without OpenMP.
void cdnn_set_threads(int threads);
/// The version of the library.
cdnn_version cdnn_library_version(void);
/// Whether this CPU has what the library's bf16 products need.
bool cdnn_has_bf16(void);

// What a function creates is the caller's to destroy, after whatever was made from it; destroying NULL does nothing.

/// The processor, and the stream of work for it.
typedef struct cdnn_engine cdnn_engine;
cdnn_result cdnn_engine_create(cdnn_engine *_Nullable *_Nonnull created);
void cdnn_engine_destroy(cdnn_engine *_Nullable engine);

/// Where the elements of an array lie.
typedef struct cdnn_layout cdnn_layout;
cdnn_result cdnn_layout_create(cdnn_layout *_Nullable *_Nonnull created, int count, const int64_t *_Nonnull dims,
                               cdnn_dtype dtype, cdnn_order order);
cdnn_result cdnn_layout_create_strided(cdnn_layout *_Nullable *_Nonnull created, int count,
                                       const int64_t *_Nonnull dims, cdnn_dtype dtype, const int64_t *_Nonnull strides);
void cdnn_layout_destroy(cdnn_layout *_Nullable layout);
size_t cdnn_layout_bytes(const cdnn_layout *_Nonnull layout);
bool cdnn_layout_equal(const cdnn_layout *_Nonnull one, const cdnn_layout *_Nonnull other);

/// A computation for fixed layouts, on memory of the caller's.
typedef struct cdnn_primitive cdnn_primitive;
/// out [m, n] = x [m, k] weights [k, n] + bias [1, n], then `after`, for which `gate` is [1, n]; f32 bias and gate.
cdnn_result cdnn_product_create(cdnn_primitive *_Nullable *_Nonnull created, const cdnn_engine *_Nonnull engine,
                                const cdnn_layout *_Nonnull out, const cdnn_layout *_Nonnull x,
                                const cdnn_layout *_Nonnull weights, const cdnn_layout *_Nullable bias,
                                cdnn_after after, const cdnn_layout *_Nullable gate);
/// How a convolution moves over rows and columns: steps between results and between taps, zeros around x.
typedef struct cdnn_window {
    int64_t stride[2], dilation[2], before[2], after[2];
} cdnn_window;
/// out [b, n, h', w'] = x [b, k, h, w] convolved with weights [n, k, t0, t1] + bias [n], then `after`, which is not a
/// gate.
cdnn_result cdnn_convolution_create(cdnn_primitive *_Nullable *_Nonnull created, const cdnn_engine *_Nonnull engine,
                                    const cdnn_layout *_Nonnull out, const cdnn_layout *_Nonnull x,
                                    const cdnn_layout *_Nonnull weights, const cdnn_layout *_Nullable bias,
                                    cdnn_after after, const cdnn_window *_Nonnull window);
/// Copies between two layouts of the same array, converting the dtype; its arrays are x, out.
cdnn_result cdnn_reorder_create(cdnn_primitive *_Nullable *_Nonnull created, const cdnn_engine *_Nonnull engine,
                                const cdnn_layout *_Nonnull out, const cdnn_layout *_Nonnull x);
void cdnn_primitive_destroy(cdnn_primitive *_Nullable primitive);
/// What oneDNN calls the code that it chose: "brgemm:avx512_core", "ref:any". It lives as long as the primitive.
const char *_Nonnull cdnn_primitive_implementation(const cdnn_primitive *_Nonnull primitive);
/// Whether a failure says that oneDNN has nothing for what was asked.
bool cdnn_is_unimplemented(cdnn_result result);
/// A copy of the layout chosen for the weights; NULL of a reorder.
cdnn_result cdnn_primitive_weights(cdnn_layout *_Nullable *_Nonnull created, const cdnn_primitive *_Nonnull primitive);
/// Scratch memory that one run needs.
size_t cdnn_primitive_scratch_bytes(const cdnn_primitive *_Nonnull primitive);
/// Runs and waits. The arrays: x, weights, out, then bias and gate as far as the primitive has them, then scratch
/// memory where it needs any; `count` of them.
cdnn_result cdnn_primitive_run(cdnn_primitive *_Nonnull primitive, void *_Nonnull const *_Nonnull arrays, int count);

#endif
