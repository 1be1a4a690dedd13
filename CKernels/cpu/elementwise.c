#include "kernels.h"

enum { piece = 8192 };

struct elements {
    void *out;
    const void *x, *y;
    ck_dtype out_dtype, x_dtype;
    ptrdiff_t count;
    const float *const *terms;
    const float *factors;
    ptrdiff_t term_count;
};

static void convert(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct elements *e = context;
    ptrdiff_t first = index * piece, end = ck_min(first + piece, e->count);
    if (e->out_dtype == e->x_dtype) {
        size_t size = ck_size(e->x_dtype), offset = (size_t)first * size;
        memmove((char *)e->out + offset, (const char *)e->x + offset, (size_t)(end - first) * size);
        return;
    }
    for (ptrdiff_t i = first; i < end; i++)
        ck_store(e->out, e->out_dtype, i, ck_load(e->x, e->x_dtype, i));
}

static void add(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct elements *e = context;
    for (ptrdiff_t i = index * piece; i < ck_min(index * piece + piece, e->count); i++)
        ck_store(e->out, e->out_dtype, i, ck_load(e->out, e->out_dtype, i) + ck_load(e->x, e->x_dtype, i));
}

static void silu(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct elements *e = context;
    for (ptrdiff_t i = index * piece; i < ck_min(index * piece + piece, e->count); i++) {
        float x = ck_load(e->x, e->x_dtype, i);
        ck_store(e->out, e->out_dtype, i, x / (1 + expf(-x)));
    }
}

static void gelu_gate(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct elements *e = context;
    for (ptrdiff_t i = index * piece; i < ck_min(index * piece + piece, e->count); i++) {
        float x = ck_load(e->x, e->x_dtype, i);
        float gelu = 0.5f * x * (1 + tanhf(0.7978845608f * (x + 0.044715f * x * x * x)));
        ck_store(e->out, e->out_dtype, i, gelu * ck_load(e->y, e->x_dtype, i));
    }
}

static void combine(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct elements *e = context;
    for (ptrdiff_t i = index * piece; i < ck_min(index * piece + piece, e->count); i++) {
        float sum = 0;
        for (ptrdiff_t term = 0; term < e->term_count; term++)
            sum += e->factors[term] * e->terms[term][i];
        ((float *)e->out)[i] = sum;
    }
}

static void run(ck_body body, struct elements elements, ck_pool *pool) {
    ck_parallel_for(pool, ck_ceil_div(elements.count, piece), body, &elements);
}

void ck_convert(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool) {
    run(convert, (struct elements){.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .count = count},
        pool);
}

void ck_add(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool) {
    run(add, (struct elements){.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .count = count}, pool);
}

void ck_silu(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool) {
    run(silu, (struct elements){.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .count = count}, pool);
}

void ck_gelu_gate(void *out, const void *gate, const void *x, ck_dtype dtype, ptrdiff_t count, ck_pool *pool) {
    run(gelu_gate,
        (struct elements){.out = out, .x = gate, .y = x, .out_dtype = dtype, .x_dtype = dtype, .count = count}, pool);
}

void ck_combine(float *out, const float *const *terms, const float *factors, ptrdiff_t term_count, ptrdiff_t count,
                ck_pool *pool) {
    run(combine,
        (struct elements){.out = out, .terms = terms, .factors = factors, .term_count = term_count, .count = count},
        pool);
}
