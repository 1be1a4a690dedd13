#include "kernels.h"

struct norm {
    void *out;
    const void *x;
    ck_dtype out_dtype, x_dtype;
    const float *gain, *offset, *cosine, *sine;
    ptrdiff_t width, head_dim;
    float eps;
    bool silu;
};

static void layer_norm_row(void *context, ptrdiff_t row, int thread) {
    (void)thread;
    const struct norm *n = context;
    ptrdiff_t first = row * n->width;
    double sum = 0, squares = 0;
    for (ptrdiff_t i = 0; i < n->width; i++)
        sum += ck_load(n->x, n->x_dtype, first + i);
    float mean = (float)(sum / (double)n->width);
    for (ptrdiff_t i = 0; i < n->width; i++) {
        double d = ck_load(n->x, n->x_dtype, first + i) - mean;
        squares += d * d;
    }
    float scale = (float)(1 / sqrt(squares / (double)n->width + n->eps));
    for (ptrdiff_t i = 0; i < n->width; i++) {
        float y = (ck_load(n->x, n->x_dtype, first + i) - mean) * scale;
        y = y * (n->gain ? n->gain[i] : 1) + (n->offset ? n->offset[i] : 0);
        ck_store(n->out, n->out_dtype, first + i, y);
    }
}

static double sum_of_squares(const struct norm *n, ptrdiff_t first) {
    double squares = 0;
    for (ptrdiff_t i = 0; i < n->width; i++) {
        double value = ck_load(n->x, n->x_dtype, first + i);
        squares += value * value;
    }
    return squares;
}

static void rms_norm_row(void *context, ptrdiff_t row, int thread) {
    (void)thread;
    const struct norm *n = context;
    ptrdiff_t first = row * n->width, half = n->head_dim / 2;
    float scale = (float)(1 / sqrt(sum_of_squares(n, first) / (double)n->width + n->eps));
    for (ptrdiff_t i = 0; i < n->width; i++)
        if (!n->cosine)
            ck_store(n->out, n->out_dtype, first + i, ck_load(n->x, n->x_dtype, first + i) * scale * n->gain[i]);
    for (ptrdiff_t i = 0; n->cosine && i + 1 < n->width; i += 2) {
        float a = ck_load(n->x, n->x_dtype, first + i) * scale * n->gain[i];
        float b = ck_load(n->x, n->x_dtype, first + i + 1) * scale * n->gain[i + 1];
        float cosine = n->cosine[row * half + i % n->head_dim / 2], sine = n->sine[row * half + i % n->head_dim / 2];
        ck_store(n->out, n->out_dtype, first + i, a * cosine - b * sine);
        ck_store(n->out, n->out_dtype, first + i + 1, a * sine + b * cosine);
    }
}

static void channel_norm_row(void *context, ptrdiff_t row, int thread) {
    (void)thread;
    const struct norm *n = context;
    ptrdiff_t first = row * n->width;
    float norm = (float)sqrt(sum_of_squares(n, first));
    float scale = sqrtf((float)n->width) / (norm > 1e-12f ? norm : 1e-12f);
    for (ptrdiff_t i = 0; i < n->width; i++) {
        float y = ck_load(n->x, n->x_dtype, first + i) * scale * n->gain[i];
        ck_store(n->out, n->out_dtype, first + i, n->silu ? y / (1 + expf(-y)) : y);
    }
}

void ck_layer_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain,
                   const float *offset, ptrdiff_t rows, ptrdiff_t width, float eps, ck_pool *pool) {
    struct norm n = {.out = out,
                     .x = x,
                     .out_dtype = out_dtype,
                     .x_dtype = x_dtype,
                     .gain = gain,
                     .offset = offset,
                     .width = width,
                     .eps = eps};
    ck_parallel_for(pool, rows, layer_norm_row, &n);
}

void ck_rms_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain, ptrdiff_t rows,
                 ptrdiff_t width, float eps, ck_pool *pool) {
    struct norm n = {
        .out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .gain = gain, .width = width, .eps = eps};
    ck_parallel_for(pool, rows, rms_norm_row, &n);
}

void ck_rms_norm_rotary(void *x, ck_dtype dtype, const float *gain, const float *cosine, const float *sine,
                        ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, float eps, ck_pool *pool) {
    struct norm n = {.out = x,
                     .x = x,
                     .out_dtype = dtype,
                     .x_dtype = dtype,
                     .gain = gain,
                     .cosine = cosine,
                     .sine = sine,
                     .width = heads * head_dim,
                     .head_dim = head_dim,
                     .eps = eps};
    ck_parallel_for(pool, rows, rms_norm_row, &n);
}

void ck_channel_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain, bool silu,
                     ptrdiff_t rows, ptrdiff_t width, ck_pool *pool) {
    struct norm n = {
        .out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .gain = gain, .width = width, .silu = silu};
    ck_parallel_for(pool, rows, channel_norm_row, &n);
}
