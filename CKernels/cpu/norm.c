#include "kernels.h"

struct rows {
    ck_norm norm;
    void (*inner)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end);
    ptrdiff_t piece; // rows
};

static void normalise(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct rows *r = context;
    r->inner(&r->norm, index * r->piece, ck_min((index + 1) * r->piece, r->norm.rows));
}

static void for_rows(void (*inner)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end), ck_norm norm, ck_pool *pool) {
    struct rows r = {.norm = norm, .inner = inner, .piece = ck_ceil_div(16384, ck_max(norm.width, 1))};
    ck_parallel_for(pool, ck_ceil_div(norm.rows, r.piece), normalise, &r);
}

void ck_layer_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain,
                   const float *offset, ptrdiff_t rows, ptrdiff_t width, float eps, ck_pool *pool) {
    ck_norm n = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .rows = rows, .width = width};
    n.gain = gain;
    n.offset = offset;
    n.eps = eps;
    for_rows(ck_kernels()->layer_norm, n, pool);
}

void ck_rms_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain, ptrdiff_t rows,
                 ptrdiff_t width, float eps, ck_pool *pool) {
    ck_norm n = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .rows = rows, .width = width};
    n.gain = gain;
    n.eps = eps;
    for_rows(ck_kernels()->rms_norm, n, pool);
}

void ck_rms_norm_rotary(void *x, ck_dtype dtype, const float *gain, const float *cosine, const float *sine,
                        ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, float eps, ck_pool *pool) {
    ck_norm n = {.out = x, .x = x, .out_dtype = dtype, .x_dtype = dtype, .rows = rows, .width = heads * head_dim};
    n.head_dim = head_dim;
    n.gain = gain;
    n.cosine = cosine;
    n.sine = sine;
    n.eps = eps;
    for_rows(ck_kernels()->rms_norm, n, pool);
}

void ck_channel_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain, bool silu,
                     ptrdiff_t rows, ptrdiff_t width, ck_pool *pool) {
    ck_norm n = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .rows = rows, .width = width};
    n.gain = gain;
    n.silu = silu;
    for_rows(ck_kernels()->channel_norm, n, pool);
}
