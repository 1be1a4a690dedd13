// Elementwise operations, cut into pieces for the threads; what computes a piece is in simd_elementwise.h.
#include "kernels.h"

enum { piece = 16384 };

struct pieces {
    ck_elements elements;
    void (*inner)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
};

static void compute(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct pieces *p = context;
    p->inner(&p->elements, index * piece, ck_min((index + 1) * piece, p->elements.count));
}

static void for_pieces(void (*inner)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end), ck_elements elements,
                       ck_pool *pool) {
    struct pieces p = {elements, inner};
    ck_parallel_for(pool, ck_ceil_div(elements.count, piece), compute, &p);
}

static void copy(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    size_t size = ck_size(e->x_dtype), offset = (size_t)first * size;
    if (e->out != e->x)
        memcpy((char *)e->out + offset, (const char *)e->x + offset, (size_t)(end - first) * size);
}

void ck_convert(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool) {
    ck_elements e = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .count = count};
    for_pieces(out_dtype == x_dtype ? copy : ck_kernels(pool)->convert, e, pool);
}

void ck_silu(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool) {
    ck_elements e = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .count = count};
    for_pieces(ck_kernels(pool)->silu, e, pool);
}

void ck_gelu(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ck_gelu_form form, ptrdiff_t count,
             ck_pool *pool) {
    const struct ck_kernels *kernels = ck_kernels(pool);
    ck_elements e = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .count = count};
    switch (form) {
    case CK_GELU_ERF:
        for_pieces(kernels->gelu_erf, e, pool);
        break;
    case CK_GELU_QUICK:
        for_pieces(kernels->gelu_quick, e, pool);
        break;
    case CK_GELU_TANH:
        for_pieces(kernels->gelu_tanh, e, pool);
        break;
    }
}

void ck_add(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool) {
    ck_elements e = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .count = count};
    for_pieces(ck_kernels(pool)->add, e, pool);
}

void ck_gelu_gate(void *out, const void *gate, const void *x, ck_dtype dtype, ptrdiff_t count, ck_pool *pool) {
    ck_elements e = {.out = out, .x = gate, .y = x, .out_dtype = dtype, .x_dtype = dtype, .count = count};
    for_pieces(ck_kernels(pool)->gelu_gate, e, pool);
}

void ck_flag_non_finite(uint8_t *flag, const void *x, ck_dtype dtype, ptrdiff_t count, ck_pool *pool) {
    ck_elements e = {.out = flag, .x = x, .x_dtype = dtype, .count = count};
    for_pieces(ck_kernels(pool)->flag_non_finite, e, pool);
}

void ck_combine(float *out, const float *const *terms, const float *factors, ptrdiff_t term_count, ptrdiff_t count,
                ck_pool *pool) {
    ck_elements e = {.out = out, .terms = terms, .factors = factors, .term_count = term_count, .count = count};
    for_pieces(ck_kernels(pool)->combine, e, pool);
}
