// Elementwise operations on elements first..<end.
#include "simd.h"

static void convert(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t i = first; i < end; i += W)
        v_give(e->out, e->out_dtype, i, v_take(e->x, e->x_dtype, i, end), end);
}

static void add(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t i = first; i < end; i += W)
        v_give(e->out, e->out_dtype, i, v_take(e->out, e->out_dtype, i, end) + v_take(e->x, e->x_dtype, i, end), end);
}

static void silu(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t i = first; i < end; i += W)
        v_give(e->out, e->out_dtype, i, v_silu(v_take(e->x, e->x_dtype, i, end)), end);
}

static void gelu_erf(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t i = first; i < end; i += W)
        v_give(e->out, e->out_dtype, i, v_gelu_erf(v_take(e->x, e->x_dtype, i, end)), end);
}

static void gelu_quick(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t i = first; i < end; i += W)
        v_give(e->out, e->out_dtype, i, v_gelu_quick(v_take(e->x, e->x_dtype, i, end)), end);
}

static void gelu_tanh(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t i = first; i < end; i += W)
        v_give(e->out, e->out_dtype, i, v_gelu(v_take(e->x, e->x_dtype, i, end)), end);
}

static void gelu_gate(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t i = first; i < end; i += W)
        v_give(e->out, e->out_dtype, i, v_gelu(v_take(e->x, e->x_dtype, i, end)) * v_take(e->y, e->x_dtype, i, end),
               end);
}

static void flag_non_finite(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    // 0 times a number is 0; 0 times anything else is none, and stays none in the sum.
    vf sum = v_set(0);
    for (ptrdiff_t i = first; i < end; i += W)
        sum = v_fma(v_take(e->x, e->x_dtype, i, end), v_set(0), sum);
    if (v_sum(sum) != 0)
        __atomic_store_n((uint8_t *)e->out, 1, __ATOMIC_RELAXED);
}

static void combine(const ck_elements *e, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t i = first; i < end; i += W) {
        vf sum = v_set(0);
        for (ptrdiff_t term = 0; term < e->term_count; term++)
            sum = v_fma(v_set(e->factors[term]), v_take(e->terms[term], CK_DTYPE_F32, i, end), sum);
        v_give(e->out, CK_DTYPE_F32, i, sum, end);
    }
}
