#include "kernels.h"
#include <stdatomic.h>

struct gemm {
    ck_gemm_plan plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
    size_t scratch_bytes;
    ptrdiff_t column_blocks;
    atomic_bool failed;
};

static void multiply_block(void *context, ptrdiff_t index, int thread) {
    struct gemm *g = context;
    float *scratch = ck_scratch(g->pool, thread, g->scratch_bytes);
    if (scratch)
        g->kernels->gemm_block(&g->plan, index / g->column_blocks * g->plan.row_count,
                               index % g->column_blocks * g->plan.column_count, scratch);
    else
        atomic_store_explicit(&g->failed, true, memory_order_relaxed);
}

static void multiply_few(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct gemm *g = context;
    ptrdiff_t first = index * dot_columns;
    g->kernels->gemm_dot(&g->plan, first, ck_min(first + dot_columns, g->plan.n));
}

/// Many rows, since they share the packing of weights, but work for all threads.
static void choose_blocks(struct gemm *g) {
    enum { most_rows = 2304, least_rows = 384, most_columns = 256, least_columns = 64, packed_floats = 3 << 19 };
    ck_gemm_plan *p = &g->plan;
    ptrdiff_t wanted = 4 * ck_pool_threads(g->pool), row_blocks = ck_ceil_div(p->m, most_rows);
    p->column_count = ck_max(ck_min(packed_floats / ck_max(p->k, 1) / 32 * 32, most_columns), least_columns);
    while (row_blocks * ck_ceil_div(p->n, p->column_count) < wanted) {
        if (p->m / row_blocks > 2 * least_rows)
            row_blocks++;
        else if (p->column_count > least_columns)
            p->column_count = ck_max(p->column_count / 2 / 32 * 32, least_columns);
        else
            break;
    }
    p->row_count = ck_ceil_div(ck_ceil_div(p->m, row_blocks), 12) * 12;
    g->column_blocks = ck_ceil_div(p->n, p->column_count);
}

bool ck_gemm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const void *w, ck_dtype w_dtype,
             const float *bias, ck_epilogue epilogue, const float *gate, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
             ck_pool *pool) {
    enum { few_rows = 6 };
    struct gemm g = {.plan = {out, x, w, out_dtype, x_dtype, w_dtype, bias, gate, epilogue, m, n, k, 0, 0},
                     .kernels = ck_kernels(pool),
                     .pool = pool};
    if (m <= 0 || n <= 0)
        return true;
    if (m <= few_rows) {
        ck_parallel_for(pool, ck_ceil_div(n, dot_columns), multiply_few, &g);
        return true;
    }
    choose_blocks(&g);
    g.scratch_bytes = g.kernels->gemm_bytes(&g.plan);
    ck_parallel_for(pool, ck_ceil_div(m, g.plan.row_count) * g.column_blocks, multiply_block, &g);
    return !atomic_load(&g.failed);
}

struct finish {
    ck_gemm_plan plan;
    const struct ck_kernels *kernels;
    const float *sums;
    ptrdiff_t rows; // of a piece
};

static void finish_piece(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct finish *f = context;
    f->kernels->gemm_finish_rows(&f->plan, f->sums, index * f->rows, ck_min((index + 1) * f->rows, f->plan.m));
}

void ck_finish_sums(void *out, ck_dtype out_dtype, const float *sums, const float *bias, ck_epilogue epilogue,
                    const float *gate, ptrdiff_t m, ptrdiff_t n, ck_pool *pool) {
    enum { piece = 16384 };
    struct finish f = {
        .plan = {.out = out, .out_dtype = out_dtype, .bias = bias, .gate = gate, .epilogue = epilogue, .m = m, .n = n},
        .kernels = ck_kernels(pool),
        .sums = sums,
        .rows = ck_max(piece / ck_max(n, 1), 1)};
    if (n > 0)
        ck_parallel_for(pool, ck_ceil_div(m, f.rows), finish_piece, &f);
}
