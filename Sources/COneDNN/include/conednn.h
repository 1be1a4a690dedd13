// oneDNN, opened at run time. Its types and constants come from the header of the build machine; its functions come
// from the library of the same major version, found with dlopen. So the binary starts without loading 40 MB of kernels,
// and OpenMP, which reads its settings only once, can be told first how to wait.
#ifndef CONEDNN_H
#define CONEDNN_H

#include <oneapi/dnnl/dnnl.h>
#include <stdbool.h>

#if DNNL_VERSION_MAJOR != 2
#error "oneDNN 2 is needed: its later versions have another interface"
#endif

// clang-format off
#define CDNN_FUNCTIONS(X)                                                                                              \
    X(dnnl_version) X(dnnl_get_effective_cpu_isa) X(dnnl_engine_create) X(dnnl_engine_destroy) X(dnnl_stream_create)   \
    X(dnnl_stream_destroy) X(dnnl_stream_wait) X(dnnl_memory_desc_init_by_tag) X(dnnl_memory_desc_init_by_strides)     \
    X(dnnl_memory_desc_equal) X(dnnl_memory_desc_get_size) X(dnnl_memory_create) X(dnnl_memory_destroy)                \
    X(dnnl_memory_set_data_handle) X(dnnl_post_ops_create) X(dnnl_post_ops_destroy) X(dnnl_post_ops_append_binary)     \
    X(dnnl_post_ops_append_eltwise) X(dnnl_post_ops_append_sum) X(dnnl_primitive_attr_create)                          \
    X(dnnl_primitive_attr_destroy) X(dnnl_primitive_attr_set_post_ops) X(dnnl_primitive_attr_set_scratchpad_mode)      \
    X(dnnl_matmul_desc_init) X(dnnl_convolution_forward_desc_init) X(dnnl_reorder_primitive_desc_create)               \
    X(dnnl_primitive_desc_create) X(dnnl_primitive_desc_destroy) X(dnnl_primitive_desc_query)                          \
    X(dnnl_primitive_desc_query_md) X(dnnl_primitive_create) X(dnnl_primitive_execute) X(dnnl_primitive_destroy)
// clang-format on

/// One pointer for each function in use, under the function's own name.
typedef struct COneDNN {
#define CDNN_FIELD(name) __typeof__(name) *_Nonnull name;
    CDNN_FUNCTIONS(CDNN_FIELD)
#undef CDNN_FIELD
} COneDNN;

/// Opens the library at the first call; thread-safe. False where it is missing: then `reason`, which lives for ever,
/// says why.
bool cdnn_open(const char *_Nullable *_Nonnull reason);
/// The functions. Only after cdnn_open has said true.
const COneDNN *_Nonnull cdnn_functions(void);
/// Threads for primitives that the calling thread creates and runs next; without effect on a oneDNN without OpenMP.
void cdnn_set_threads(int threads);

#endif
