// oneDNN's functions, and what differs between its versions.
#ifndef ONEDNN_TABLE_H
#define ONEDNN_TABLE_H

#include "conednn.h"

#include <oneapi/dnnl/dnnl.h>

#if DNNL_VERSION_MAJOR != 2 && DNNL_VERSION_MAJOR != 3
#error "oneDNN 2 or 3 is needed"
#endif

// clang-format off
#define CDNN_SHARED_FUNCTIONS(X)                                                                                       \
    X(dnnl_version) X(dnnl_get_effective_cpu_isa) X(dnnl_engine_create) X(dnnl_engine_destroy) X(dnnl_stream_create)   \
    X(dnnl_stream_destroy) X(dnnl_stream_wait) X(dnnl_memory_desc_equal) X(dnnl_memory_desc_get_size)                  \
    X(dnnl_memory_create) X(dnnl_memory_destroy) X(dnnl_memory_set_data_handle) X(dnnl_post_ops_create)                \
    X(dnnl_post_ops_destroy) X(dnnl_post_ops_append_binary) X(dnnl_post_ops_append_eltwise)                            \
    X(dnnl_post_ops_append_sum) X(dnnl_primitive_attr_create) X(dnnl_primitive_attr_destroy)                           \
    X(dnnl_primitive_attr_set_post_ops) X(dnnl_primitive_attr_set_scratchpad_mode)                                     \
    X(dnnl_reorder_primitive_desc_create) X(dnnl_primitive_desc_destroy) X(dnnl_primitive_desc_query_md)               \
    X(dnnl_primitive_desc_query) X(dnnl_primitive_get_primitive_desc) X(dnnl_primitive_create)                         \
    X(dnnl_primitive_execute) X(dnnl_primitive_destroy)

#if DNNL_VERSION_MAJOR >= 3
#define CDNN_FUNCTIONS(X)                                                                                              \
    CDNN_SHARED_FUNCTIONS(X) X(dnnl_memory_desc_create_with_tag) X(dnnl_memory_desc_create_with_strides)               \
    X(dnnl_memory_desc_clone) X(dnnl_memory_desc_destroy) X(dnnl_matmul_primitive_desc_create)                         \
    X(dnnl_convolution_forward_primitive_desc_create)
#else
#define CDNN_FUNCTIONS(X)                                                                                              \
    CDNN_SHARED_FUNCTIONS(X) X(dnnl_memory_desc_init_by_tag) X(dnnl_memory_desc_init_by_strides)                       \
    X(dnnl_matmul_desc_init) X(dnnl_dilated_convolution_forward_desc_init) X(dnnl_primitive_desc_create)
#endif
// clang-format on

/// One pointer for each function in use, under the function's own name.
typedef struct cdnn_table {
#define CDNN_FIELD(name) __typeof__(name) *name;
    CDNN_FUNCTIONS(CDNN_FIELD)
#undef CDNN_FIELD
} cdnn_table;

/// The functions, after cdnn_open.
extern cdnn_table onednn;

/// Calls a function of oneDNN and returns from the calling function if that fails.
#define CDNN_TRY(function, ...)                                                                                        \
    do {                                                                                                               \
        dnnl_status_t cdnn_status = onednn.function(__VA_ARGS__);                                                      \
        if (cdnn_status != dnnl_success)                                                                               \
            return (cdnn_result){#function, (int)cdnn_status};                                                         \
    } while (0)

static const cdnn_result cdnn_done = {NULL, 0};
static const cdnn_result cdnn_no_memory = {"malloc", dnnl_out_of_memory};

/// A layout is oneDNN's memory descriptor: its address, and that of a struct of our own in version 2.
#if DNNL_VERSION_MAJOR >= 3
typedef const_dnnl_memory_desc_t cdnn_view;
#else
typedef const dnnl_memory_desc_t *cdnn_view;
#endif
static inline cdnn_view cdnn_view_of(const cdnn_layout *layout) { return (cdnn_view)layout; }

cdnn_result cdnn_layout_copy(cdnn_layout **created, cdnn_view view);
cdnn_result cdnn_append_function(dnnl_post_ops_t operations, dnnl_alg_kind_t kind);
cdnn_result cdnn_append_sum(dnnl_post_ops_t operations);
cdnn_result cdnn_describe_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine, cdnn_view out, cdnn_view x,
                                  cdnn_view weights, cdnn_view bias, dnnl_primitive_attr_t attributes);
cdnn_result cdnn_describe_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine, cdnn_view out,
                                      cdnn_view x, cdnn_view weights, cdnn_view bias, const cdnn_window *window,
                                      dnnl_primitive_attr_t attributes);

#endif
