// How matrix products and convolutions are cut into blocks for the threads. What computes a block is in simd_gemm.h
// and, where it multiplies levels of 8 bits, in simd_gemm_levels.h.
#include "kernels.h"
#include <stdatomic.h>

/// A plan being carried out.
struct gemm {
    ck_gemm_plan plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
    void (*block)(const ck_gemm_plan *plan, ptrdiff_t row, ptrdiff_t column, float *scratch);
    size_t scratch_bytes;
    ptrdiff_t frame_blocks, column_blocks;
    atomic_bool failed;
};

static void multiply_block(void *context, ptrdiff_t index, int thread) {
    struct gemm *g = context;
    const ck_gemm_plan *p = &g->plan;
    float *scratch = ck_scratch(g->pool, thread, g->scratch_bytes);
    if (!scratch) {
        atomic_store_explicit(&g->failed, true, memory_order_relaxed);
        return;
    }
    ptrdiff_t row = index / g->column_blocks, column = index % g->column_blocks;
    g->block(p, row / g->frame_blocks * p->height * p->width + row % g->frame_blocks * p->row_count,
             p->packed_first + column * p->column_count, scratch);
}

bool ck_multiply_packed(const ck_gemm_plan *plan, ck_pool *pool) {
    enum { most_rows = 96, least_rows = 24, most_columns = 768, least_columns = 64, row_step = 12 };
    struct gemm g = {.plan = *plan, .kernels = ck_kernels(pool), .pool = pool};
    ck_gemm_plan *p = &g.plan;
    ptrdiff_t pixels = p->height * p->width, frames = p->m / pixels, columns = p->packed_end - p->packed_first;
    // A block's rows and sums fit the second-level cache; it is smaller where there would be too few for all threads.
    ptrdiff_t wanted = 4 * ck_pool_threads(pool), rows = ck_ceil_div(pixels, most_rows);
    ptrdiff_t column_blocks = ck_ceil_div(columns, most_columns);
    while (frames * rows * column_blocks < wanted && pixels / rows > 2 * least_rows)
        rows++;
    while (frames * rows * column_blocks < wanted && columns / column_blocks > 2 * least_columns)
        column_blocks++;
    p->row_count = ck_even_part(pixels, rows, row_step);
    p->column_count = ck_even_part(columns, column_blocks, ck_column_step);
    g.frame_blocks = ck_ceil_div(pixels, p->row_count);
    g.column_blocks = ck_ceil_div(columns, p->column_count);
    g.block = p->group > 0 ? g.kernels->levels_block : g.kernels->gemm_block;
    g.scratch_bytes = p->group > 0 ? g.kernels->levels_bytes(p) : g.kernels->gemm_bytes(p);
    ck_parallel_for(pool, frames * g.frame_blocks * g.column_blocks, multiply_block, &g);
    return !atomic_load(&g.failed);
}

/// The columns of a matrix that are packed next.
struct packing {
    ck_gemm_plan *plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
    float *packed, *scales;
    atomic_bool failed;
};

/// A thread's scratch memory; NULL, and noted, where it cannot be had.
static void *packing_scratch(struct packing *packing, int thread, size_t bytes) {
    void *scratch = ck_scratch(packing->pool, thread, bytes);
    if (!scratch)
        atomic_store_explicit(&packing->failed, true, memory_order_relaxed);
    return scratch;
}

/// Some rows of a quantised matrix as f32, those columns that the plan is about; NULL without scratch memory.
static const float *dequantised(struct packing *packing, ptrdiff_t first, ptrdiff_t count, int thread) {
    const ck_gemm_plan *p = packing->plan;
    float *rows = packing_scratch(packing, thread, (size_t)(count * p->channels) * sizeof(float));
    for (ptrdiff_t i = 0; rows && i < count; i++)
        packing->kernels->dequantise(p->quantised, first + i, p->first_channel, p->first_channel + p->channels,
                                     rows + i * p->channels);
    return rows;
}

static void pack_columns(void *context, ptrdiff_t index, int thread) {
    struct packing *packing = context;
    const struct ck_kernels *kernels = packing->kernels;
    const ck_gemm_plan *p = packing->plan;
    ptrdiff_t first = index * ck_column_step, columns = ck_min(ck_column_step, p->packed_end - p->packed_first - first);
    ptrdiff_t row = p->packed_first + first;
    if (p->group > 0) {
        ptrdiff_t words = (p->channels + 1) / 2, groups = ck_ceil_div(p->channels, p->group);
        void *scratch = packing_scratch(packing, thread, kernels->levels_pack_bytes(p));
        if (scratch)
            kernels->levels_pack(p, packing->packed + first * words, packing->scales + first * groups, row, columns,
                                 scratch);
        return;
    }
    float *place = packing->packed + kernels->gemm_packed(p, first);
    if (!p->quantised) {
        const char *w = (const char *)p->w + (size_t)(row * p->w_stride) * ck_size(p->w_dtype);
        kernels->gemm_pack(p, place, w, p->w_dtype, columns);
        return;
    }
    ck_gemm_plan dense = *p;
    dense.w_stride = p->channels;
    const float *rows = dequantised(packing, row, columns, thread);
    if (rows)
        kernels->gemm_pack(&dense, place, rows, CK_DTYPE_F32, columns);
}

/// All rows by all columns, `count` at a time.
static bool multiply_columns(struct packing *packing, ptrdiff_t count) {
    ck_gemm_plan *plan = packing->plan;
    bool done = true;
    for (plan->packed_first = 0; done && plan->packed_first < plan->n; plan->packed_first += count) {
        plan->packed_end = ck_min(plan->packed_first + count, plan->n);
        ptrdiff_t steps = ck_ceil_div(plan->packed_end - plan->packed_first, ck_column_step);
        ck_parallel_for(packing->pool, steps, pack_columns, packing);
        done = !atomic_load(&packing->failed) && ck_multiply_packed(plan, packing->pool);
    }
    return done;
}

/// Whether out may grow by the products of parts of the depth.
static bool grows_by_parts(const ck_gemm_plan *plan) {
    return plan->out_dtype == CK_DTYPE_F32 && (plan->epilogue == CK_EPILOGUE_NONE ||
                                               plan->epilogue == CK_EPILOGUE_ADD ||
                                               plan->epilogue == CK_EPILOGUE_GATED_ADD);
}

static void multiply_few(void *context, ptrdiff_t index, int thread) {
    struct packing *packing = context;
    ptrdiff_t first = index * dot_columns, end = ck_min(first + dot_columns, packing->plan->n);
    ck_gemm_plan plan = *packing->plan;
    if (plan.quantised) {
        plan.w = dequantised(packing, first, end - first, thread);
        plan.w_dtype = CK_DTYPE_F32;
        plan.w_first = first;
        if (!plan.w)
            return;
    }
    packing->kernels->gemm_dot(&plan, first, end);
}

/// The scales of so many packed columns lie behind their levels.
static void place_scales(struct packing *packing, ptrdiff_t columns) {
    ck_gemm_plan *p = packing->plan;
    ptrdiff_t padded = ck_ceil_div(columns, ck_column_step) * ck_column_step;
    packing->scales = p->group > 0 ? packing->packed + padded * ((p->channels + 1) / 2) : NULL;
    p->packed_scales = packing->scales;
}

/// Memory for so many packed columns; false when there is none.
static bool reserve_packed(struct packing *packing, ptrdiff_t columns) {
    ck_gemm_plan *p = packing->plan;
    ptrdiff_t padded = ck_ceil_div(columns, ck_column_step) * ck_column_step;
    ptrdiff_t floats = p->group > 0 ? packing->kernels->levels_packed(p, padded)
                                    : packing->kernels->gemm_packed(p, columns);
    packing->packed = ck_shared_scratch(packing->pool, (size_t)ck_max(floats, 1) * sizeof(float));
    p->packed = packing->packed;
    if (packing->packed)
        place_scales(packing, columns);
    return packing->packed;
}

static bool multiply(ck_gemm_plan *plan, const void *x, ck_pool *pool) {
    enum { few_rows = 6, most_packed = 1 << 22, quantised_step = 512 };
    const ptrdiff_t n = plan->n, k = plan->channels, step = plan->quantised ? quantised_step : ck_column_step;
    struct packing packing = {.plan = plan, .kernels = ck_kernels(pool), .pool = pool};
    if (plan->m <= 0 || n <= 0)
        return true;
    if (plan->m <= few_rows) {
        ck_parallel_for(pool, ck_ceil_div(n, dot_columns), multiply_few, &packing);
        return !atomic_load(&packing.failed);
    }
    if (ck_takes_strassen(plan, pool))
        return ck_strassen(plan, x, pool);
    if (plan->quantised)
        plan->group = packing.kernels->levels_group(plan->quantised);
    // All rows meet a part of w while it is in the last-level cache: some columns of it, or, where that means reading
    // less, some of the depth of all.
    ptrdiff_t parts = ck_ceil_div(n * k, most_packed) + (k == 0), count = n, depth = k;
    if (k > n && grows_by_parts(plan))
        depth = ck_even_part(k, parts, step);
    else
        count = ck_even_part(n, parts, ck_column_step);
    plan->channels = ck_min(depth, k);
    if (!reserve_packed(&packing, ck_min(count, n)))
        return false;
    bool done = multiply_columns(&packing, count);
    const ck_epilogue rest_epilogue = plan->epilogue == CK_EPILOGUE_GATED_ADD ? plan->epilogue : CK_EPILOGUE_ADD;
    const void *w = plan->w;
    for (ptrdiff_t first = depth; done && first < k; first += depth) {
        const void *rest = (const char *)x + (size_t)first * ck_size(plan->x_dtype);
        plan->frames = &rest;
        plan->w = w ? (const char *)w + (size_t)first * ck_size(plan->w_dtype) : NULL;
        plan->first_channel = first;
        plan->channels = ck_min(depth, k - first);
        plan->bias = NULL;
        plan->epilogue = rest_epilogue;
        place_scales(&packing, n);
        done = multiply_columns(&packing, count);
    }
    return done;
}

/// A product of dense rows x [m, k] into out [m, n].
static ck_gemm_plan plan_of(void *out, ck_dtype out_dtype, ck_dtype x_dtype, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k) {
    return (ck_gemm_plan){.out = out,
                          .out_dtype = out_dtype,
                          .x_dtype = x_dtype,
                          .window = {.stride = {1, 1, 1}, .dilation = {1, 1, 1}, .height = 1, .width = m},
                          .height = 1,
                          .width = m,
                          .channels = k,
                          .pixel_stride = k,
                          .w_stride = k,
                          .kernel = {1, 1, 1},
                          .m = m,
                          .n = n};
}

bool ck_gemm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const void *w, ck_dtype w_dtype,
             const float *bias, ck_epilogue epilogue, const float *gate, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
             ck_pool *pool) {
    ck_gemm_plan plan = plan_of(out, out_dtype, x_dtype, m, n, k);
    plan.frames = &x;
    plan.w = w;
    plan.w_dtype = w_dtype;
    plan.bias = bias;
    plan.epilogue = epilogue;
    plan.gate = gate;
    return multiply(&plan, x, pool);
}

bool ck_gemm_quantised(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const ck_quantised *w,
                       const float *bias, ck_epilogue epilogue, const float *gate, ptrdiff_t m, ck_pool *pool) {
    ck_gemm_plan plan = plan_of(out, out_dtype, x_dtype, m, w->rows, w->columns);
    plan.frames = &x;
    plan.quantised = w;
    plan.bias = bias;
    plan.epilogue = epilogue;
    plan.gate = gate;
    return multiply(&plan, x, pool);
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
        .plan = {.out = out, .out_dtype = out_dtype, .bias = bias, .gate = gate,
                 .epilogue = epilogue, .m = m, .n = n},
        .kernels = ck_kernels(pool),
        .sums = sums,
        .rows = ck_max(piece / ck_max(n, 1), 1)};
    if (n > 0)
        ck_parallel_for(pool, ck_ceil_div(m, f.rows), finish_piece, &f);
}
