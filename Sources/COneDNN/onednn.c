#include "onednn_table.h"

#include <stdlib.h>

struct cdnn_engine {
    dnnl_engine_t engine;
    dnnl_stream_t stream;
};

// x, weights, out, bias, gate, scratch memory.
enum { max_arguments = 6 };

struct cdnn_primitive {
    dnnl_stream_t stream;
    dnnl_primitive_t primitive;
    cdnn_layout *weights; // NULL of a reorder
    size_t scratch_bytes;
    int count;
    dnnl_exec_arg_t arguments[max_arguments];
};

typedef struct slot {
    int argument;
    const cdnn_layout *layout;
} slot;

// ---- Library, engine, layouts

cdnn_version cdnn_library_version(void) {
    const dnnl_version_t *version = onednn.dnnl_version();
    return (cdnn_version){version->major, version->minor, version->patch};
}

bool cdnn_has_bf16(void) {
    const unsigned needed = dnnl_cpu_isa_avx512_core;
    return ((unsigned)onednn.dnnl_get_effective_cpu_isa() & needed) == needed;
}

static cdnn_result fill_engine(cdnn_engine *engine) {
    CDNN_TRY(dnnl_engine_create, &engine->engine, dnnl_cpu, 0);
    CDNN_TRY(dnnl_stream_create, &engine->stream, engine->engine, dnnl_stream_default_flags);
    return cdnn_done;
}

cdnn_result cdnn_engine_create(cdnn_engine **created) {
    cdnn_engine *engine = calloc(1, sizeof *engine);
    if (!engine)
        return cdnn_no_memory;
    cdnn_result result = fill_engine(engine);
    if (result.call)
        cdnn_engine_destroy(engine);
    else
        *created = engine;
    return result;
}

void cdnn_engine_destroy(cdnn_engine *engine) {
    if (!engine)
        return;
    if (engine->stream)
        onednn.dnnl_stream_destroy(engine->stream);
    if (engine->engine)
        onednn.dnnl_engine_destroy(engine->engine);
    free(engine);
}

size_t cdnn_layout_bytes(const cdnn_layout *layout) { return onednn.dnnl_memory_desc_get_size(cdnn_view_of(layout)); }

bool cdnn_layout_equal(const cdnn_layout *one, const cdnn_layout *other) {
    return onednn.dnnl_memory_desc_equal(cdnn_view_of(one), cdnn_view_of(other)) != 0;
}

// ---- Primitives

bool cdnn_is_unimplemented(cdnn_result result) { return result.call && result.status == dnnl_unimplemented; }

static cdnn_result add_argument(cdnn_primitive *primitive, dnnl_engine_t engine, int argument, cdnn_view layout) {
    dnnl_exec_arg_t *added = &primitive->arguments[primitive->count];
    added->arg = argument;
    CDNN_TRY(dnnl_memory_create, &added->memory, layout, engine, NULL);
    primitive->count++;
    return cdnn_done;
}

/// The primitive that `description` describes; slots without a layout are left out, and weights and scratch memory get
/// the layout that oneDNN chose.
static cdnn_result fill_primitive(cdnn_primitive *primitive, const cdnn_engine *engine,
                                  const_dnnl_primitive_desc_t description, const slot *slots, int count) {
    cdnn_view scratch = onednn.dnnl_primitive_desc_query_md(description, dnnl_query_scratchpad_md, 0);
    cdnn_view weights = onednn.dnnl_primitive_desc_query_md(description, dnnl_query_weights_md, 0);
    cdnn_result result = cdnn_done;
    primitive->stream = engine->stream;
    primitive->scratch_bytes = scratch ? onednn.dnnl_memory_desc_get_size(scratch) : 0;
    CDNN_TRY(dnnl_primitive_create, &primitive->primitive, description);
    for (int i = 0; i < count && !result.call; i++) {
        if (!slots[i].layout)
            continue;
        cdnn_view layout = cdnn_view_of(slots[i].layout);
        if (slots[i].argument == DNNL_ARG_WEIGHTS) {
            layout = weights ? weights : layout;
            result = cdnn_layout_copy(&primitive->weights, layout);
        }
        if (!result.call)
            result = add_argument(primitive, engine->engine, slots[i].argument, layout);
    }
    if (!result.call && primitive->scratch_bytes > 0)
        result = add_argument(primitive, engine->engine, DNNL_ARG_SCRATCHPAD, scratch);
    return result;
}

/// Makes the primitive and destroys the description.
static cdnn_result create_primitive(cdnn_primitive **created, const cdnn_engine *engine,
                                    dnnl_primitive_desc_t description, const slot *slots, int count) {
    cdnn_primitive *primitive = calloc(1, sizeof *primitive);
    cdnn_result result = cdnn_no_memory;
    if (primitive)
        result = fill_primitive(primitive, engine, description, slots, count);
    onednn.dnnl_primitive_desc_destroy(description);
    if (result.call)
        cdnn_primitive_destroy(primitive);
    else
        *created = primitive;
    return result;
}

void cdnn_primitive_destroy(cdnn_primitive *primitive) {
    if (!primitive)
        return;
    for (int i = 0; i < primitive->count; i++)
        onednn.dnnl_memory_destroy(primitive->arguments[i].memory);
    if (primitive->primitive)
        onednn.dnnl_primitive_destroy(primitive->primitive);
    cdnn_layout_destroy(primitive->weights);
    free(primitive);
}

cdnn_result cdnn_primitive_weights(cdnn_layout **created, const cdnn_primitive *primitive) {
    *created = NULL;
    return primitive->weights ? cdnn_layout_copy(created, cdnn_view_of(primitive->weights)) : cdnn_done;
}

size_t cdnn_primitive_scratch_bytes(const cdnn_primitive *primitive) { return primitive->scratch_bytes; }

const char *cdnn_primitive_implementation(const cdnn_primitive *primitive) {
    const_dnnl_primitive_desc_t description;
    const char *name = NULL;
    if (onednn.dnnl_primitive_get_primitive_desc(primitive->primitive, &description) != dnnl_success ||
        onednn.dnnl_primitive_desc_query(description, dnnl_query_impl_info_str, 0, &name) != dnnl_success)
        return "";
    return name ? name : "";
}

cdnn_result cdnn_primitive_run(cdnn_primitive *primitive, void *const *arrays, int count) {
    if (count != primitive->count)
        return (cdnn_result){"cdnn_primitive_run", dnnl_invalid_arguments};
    for (int i = 0; i < count; i++)
        CDNN_TRY(dnnl_memory_set_data_handle, primitive->arguments[i].memory, arrays[i]);
    CDNN_TRY(dnnl_primitive_execute, primitive->primitive, primitive->stream, count, primitive->arguments);
    CDNN_TRY(dnnl_stream_wait, primitive->stream);
    return cdnn_done;
}

// ---- What they do after their sums

static cdnn_result append(dnnl_post_ops_t operations, cdnn_after after, const cdnn_layout *gate) {
    switch (after) {
    case CDNN_AFTER_NOTHING:
        return cdnn_done;
    case CDNN_AFTER_GELU:
        return cdnn_append_function(operations, dnnl_eltwise_gelu_tanh);
    case CDNN_AFTER_SILU:
        return cdnn_append_function(operations, dnnl_eltwise_swish);
    case CDNN_AFTER_GATED_ADD:
        CDNN_TRY(dnnl_post_ops_append_binary, operations, dnnl_binary_mul, cdnn_view_of(gate));
        return cdnn_append_sum(operations);
    case CDNN_AFTER_ADD:
        return cdnn_append_sum(operations);
    }
    return (cdnn_result){"cdnn_after", dnnl_invalid_arguments};
}

static cdnn_result fill_attributes(dnnl_primitive_attr_t attributes, cdnn_after after, const cdnn_layout *gate) {
    dnnl_post_ops_t operations;
    CDNN_TRY(dnnl_primitive_attr_set_scratchpad_mode, attributes, dnnl_scratchpad_mode_user);
    CDNN_TRY(dnnl_post_ops_create, &operations);
    cdnn_result result = append(operations, after, gate);
    dnnl_status_t status = result.call ? dnnl_success : onednn.dnnl_primitive_attr_set_post_ops(attributes, operations);
    onednn.dnnl_post_ops_destroy(operations);
    return status == dnnl_success ? result : (cdnn_result){"dnnl_primitive_attr_set_post_ops", (int)status};
}

cdnn_result cdnn_product_create(cdnn_primitive **created, const cdnn_engine *engine, const cdnn_layout *out,
                                const cdnn_layout *x, const cdnn_layout *weights, const cdnn_layout *bias,
                                cdnn_after after, const cdnn_layout *gate) {
    const slot slots[] = {{DNNL_ARG_SRC, x},
                          {DNNL_ARG_WEIGHTS, weights},
                          {DNNL_ARG_DST, out},
                          {DNNL_ARG_BIAS, bias},
                          // The gate is the first of the operations.
                          {DNNL_ARG_ATTR_MULTIPLE_POST_OP(0) | DNNL_ARG_SRC_1, gate}};
    dnnl_primitive_desc_t description;
    dnnl_primitive_attr_t attributes;
    CDNN_TRY(dnnl_primitive_attr_create, &attributes);
    cdnn_result result = fill_attributes(attributes, after, gate);
    if (!result.call)
        result = cdnn_describe_product(&description, engine->engine, cdnn_view_of(out), cdnn_view_of(x),
                                       cdnn_view_of(weights), cdnn_view_of(bias), attributes);
    onednn.dnnl_primitive_attr_destroy(attributes);
    return result.call ? result : create_primitive(created, engine, description, slots, 5);
}

cdnn_result cdnn_convolution_create(cdnn_primitive **created, const cdnn_engine *engine, const cdnn_layout *out,
                                    const cdnn_layout *x, const cdnn_layout *weights, const cdnn_layout *bias,
                                    cdnn_after after, const cdnn_window *window) {
    const slot slots[] = {{DNNL_ARG_SRC, x}, {DNNL_ARG_WEIGHTS, weights}, {DNNL_ARG_DST, out}, {DNNL_ARG_BIAS, bias}};
    dnnl_primitive_desc_t description;
    dnnl_primitive_attr_t attributes;
    CDNN_TRY(dnnl_primitive_attr_create, &attributes);
    cdnn_result result = fill_attributes(attributes, after, NULL);
    if (!result.call)
        result = cdnn_describe_convolution(&description, engine->engine, cdnn_view_of(out), cdnn_view_of(x),
                                           cdnn_view_of(weights), cdnn_view_of(bias), window, attributes);
    onednn.dnnl_primitive_attr_destroy(attributes);
    return result.call ? result : create_primitive(created, engine, description, slots, 4);
}

cdnn_result cdnn_reorder_create(cdnn_primitive **created, const cdnn_engine *engine, const cdnn_layout *out,
                                const cdnn_layout *x) {
    const slot slots[] = {{DNNL_ARG_FROM, x}, {DNNL_ARG_TO, out}};
    dnnl_primitive_desc_t description;
    CDNN_TRY(dnnl_reorder_primitive_desc_create, &description, cdnn_view_of(x), engine->engine, cdnn_view_of(out),
             engine->engine, NULL);
    return create_primitive(created, engine, description, slots, 2);
}
