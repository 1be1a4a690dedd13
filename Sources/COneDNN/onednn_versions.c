// Everything that oneDNN's versions do with different functions.
#include "onednn_table.h"

#include <stdlib.h>

static dnnl_data_type_t type_of(cdnn_dtype dtype) { return dtype == CDNN_DTYPE_BF16 ? dnnl_bf16 : dnnl_f32; }

static dnnl_format_tag_t tag_of(cdnn_order order) {
    switch (order) {
    case CDNN_ORDER_ANY:
        return dnnl_format_tag_any;
    case CDNN_ORDER_A:
        return dnnl_a;
    case CDNN_ORDER_AB:
        return dnnl_ab;
    case CDNN_ORDER_BA:
        return dnnl_ba;
    case CDNN_ORDER_NHWC:
        return dnnl_nhwc;
    }
    return dnnl_format_tag_undef;
}

#if DNNL_VERSION_MAJOR >= 3

cdnn_result cdnn_layout_create(cdnn_layout **created, int count, const int64_t *dims, cdnn_dtype dtype,
                               cdnn_order order) {
    CDNN_TRY(dnnl_memory_desc_create_with_tag, (dnnl_memory_desc_t *)created, count, dims, type_of(dtype),
             tag_of(order));
    return cdnn_done;
}

cdnn_result cdnn_layout_create_strided(cdnn_layout **created, int count, const int64_t *dims, cdnn_dtype dtype,
                                       const int64_t *strides) {
    CDNN_TRY(dnnl_memory_desc_create_with_strides, (dnnl_memory_desc_t *)created, count, dims, type_of(dtype), strides);
    return cdnn_done;
}

cdnn_result cdnn_layout_copy(cdnn_layout **created, cdnn_view view) {
    CDNN_TRY(dnnl_memory_desc_clone, (dnnl_memory_desc_t *)created, view);
    return cdnn_done;
}

void cdnn_layout_destroy(cdnn_layout *layout) {
    if (layout)
        onednn.dnnl_memory_desc_destroy((dnnl_memory_desc_t)layout);
}

cdnn_result cdnn_append_function(dnnl_post_ops_t operations, dnnl_alg_kind_t kind) {
    CDNN_TRY(dnnl_post_ops_append_eltwise, operations, kind, 1, 0);
    return cdnn_done;
}

cdnn_result cdnn_append_sum(dnnl_post_ops_t operations) {
    CDNN_TRY(dnnl_post_ops_append_sum, operations, 1, 0, dnnl_data_type_undef);
    return cdnn_done;
}

cdnn_result cdnn_describe_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine, cdnn_view out, cdnn_view x,
                                  cdnn_view weights, cdnn_view bias, dnnl_primitive_attr_t attributes) {
    CDNN_TRY(dnnl_matmul_primitive_desc_create, description, engine, x, weights, bias, out, attributes);
    return cdnn_done;
}

cdnn_result cdnn_describe_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine, cdnn_view out,
                                      cdnn_view x, cdnn_view weights, cdnn_view bias, const cdnn_window *window,
                                      dnnl_primitive_attr_t attributes) {
    // oneDNN counts the places that a dilated kernel leaves out.
    const dnnl_dims_t left_out = {window->dilation[0] - 1, window->dilation[1] - 1};
    CDNN_TRY(dnnl_convolution_forward_primitive_desc_create, description, engine, dnnl_forward_inference,
             dnnl_convolution_direct, x, weights, bias, out, window->stride, left_out, window->before, window->after,
             attributes);
    return cdnn_done;
}

#else

cdnn_result cdnn_layout_create(cdnn_layout **created, int count, const int64_t *dims, cdnn_dtype dtype,
                               cdnn_order order) {
    dnnl_memory_desc_t layout;
    CDNN_TRY(dnnl_memory_desc_init_by_tag, &layout, count, dims, type_of(dtype), tag_of(order));
    return cdnn_layout_copy(created, &layout);
}

cdnn_result cdnn_layout_create_strided(cdnn_layout **created, int count, const int64_t *dims, cdnn_dtype dtype,
                                       const int64_t *strides) {
    dnnl_memory_desc_t layout;
    CDNN_TRY(dnnl_memory_desc_init_by_strides, &layout, count, dims, type_of(dtype), strides);
    return cdnn_layout_copy(created, &layout);
}

cdnn_result cdnn_layout_copy(cdnn_layout **created, cdnn_view view) {
    dnnl_memory_desc_t *copy = malloc(sizeof *copy);
    if (!copy)
        return cdnn_no_memory;
    *copy = *view;
    *created = (cdnn_layout *)copy;
    return cdnn_done;
}

void cdnn_layout_destroy(cdnn_layout *layout) { free(layout); }

cdnn_result cdnn_append_function(dnnl_post_ops_t operations, dnnl_alg_kind_t kind) {
    CDNN_TRY(dnnl_post_ops_append_eltwise, operations, 1, kind, 1, 0);
    return cdnn_done;
}

cdnn_result cdnn_append_sum(dnnl_post_ops_t operations) {
    CDNN_TRY(dnnl_post_ops_append_sum, operations, 1);
    return cdnn_done;
}

cdnn_result cdnn_describe_product(dnnl_primitive_desc_t *description, dnnl_engine_t engine, cdnn_view out, cdnn_view x,
                                  cdnn_view weights, cdnn_view bias, dnnl_primitive_attr_t attributes) {
    dnnl_matmul_desc_t product;
    CDNN_TRY(dnnl_matmul_desc_init, &product, x, weights, bias, out);
    CDNN_TRY(dnnl_primitive_desc_create, description, &product, attributes, engine, NULL);
    return cdnn_done;
}

cdnn_result cdnn_describe_convolution(dnnl_primitive_desc_t *description, dnnl_engine_t engine, cdnn_view out,
                                      cdnn_view x, cdnn_view weights, cdnn_view bias, const cdnn_window *window,
                                      dnnl_primitive_attr_t attributes) {
    // oneDNN counts the places that a dilated kernel leaves out.
    const dnnl_dims_t left_out = {window->dilation[0] - 1, window->dilation[1] - 1};
    dnnl_convolution_desc_t convolution;
    CDNN_TRY(dnnl_dilated_convolution_forward_desc_init, &convolution, dnnl_forward_inference, dnnl_convolution_direct,
             x, weights, bias, out, window->stride, left_out, window->before, window->after);
    CDNN_TRY(dnnl_primitive_desc_create, description, &convolution, attributes, engine, NULL);
    return cdnn_done;
}

#endif
