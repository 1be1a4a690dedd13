#include "kernels.h"
#include <stdatomic.h>

/// A plan being carried out.
struct gemm {
    ck_gemm_plan plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
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
    g->kernels->gemm_block(p, row / g->frame_blocks * p->height * p->width + row % g->frame_blocks * p->row_count,
                           p->packed_first + column * p->column_count, scratch);
}

static ptrdiff_t even_part(ptrdiff_t whole, ptrdiff_t parts, ptrdiff_t step) {
    return ck_ceil_div(ck_ceil_div(whole, parts), step) * step;
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
    p->row_count = even_part(pixels, rows, row_step);
    p->column_count = even_part(columns, column_blocks, ck_column_step);
    g.frame_blocks = ck_ceil_div(pixels, p->row_count);
    g.column_blocks = ck_ceil_div(columns, p->column_count);
    g.scratch_bytes = g.kernels->gemm_bytes(p);
    ck_parallel_for(pool, frames * g.frame_blocks * g.column_blocks, multiply_block, &g);
    return !atomic_load(&g.failed);
}

/// The columns of a matrix that are packed next.
struct packing {
    const ck_gemm_plan *plan;
    const struct ck_kernels *kernels;
    float *packed;
};

static void pack_columns(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct packing *packing = context;
    const ck_gemm_plan *p = packing->plan;
    ptrdiff_t first = index * ck_column_step, columns = ck_min(ck_column_step, p->packed_end - p->packed_first - first);
    const char *w = (const char *)p->w + (size_t)((p->packed_first + first) * p->w_stride) * ck_size(p->w_dtype);
    packing->kernels->gemm_pack(p, packing->packed + packing->kernels->gemm_packed(p, first), w, p->w_dtype, columns);
}

/// All rows by all columns, `count` at a time.
static bool multiply_columns(const struct packing *packing, ck_gemm_plan *plan, ptrdiff_t count, ck_pool *pool) {
    bool done = true;
    for (plan->packed_first = 0; done && plan->packed_first < plan->n; plan->packed_first += count) {
        plan->packed_end = ck_min(plan->packed_first + count, plan->n);
        ptrdiff_t steps = ck_ceil_div(plan->packed_end - plan->packed_first, ck_column_step);
        ck_parallel_for(pool, steps, pack_columns, (void *)(uintptr_t)packing);
        done = ck_multiply_packed(plan, pool);
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
    (void)thread;
    const struct packing *packing = context;
    ptrdiff_t first = index * dot_columns;
    packing->kernels->gemm_dot(packing->plan, first, ck_min(first + dot_columns, packing->plan->n));
}

bool ck_gemm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const void *w, ck_dtype w_dtype,
             const float *bias, ck_epilogue epilogue, const float *gate, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
             ck_pool *pool) {
    enum { few_rows = 6, most_packed = 1 << 22 };
    ck_gemm_plan plan = {.out = out,
                         .frames = &x,
                         .out_dtype = out_dtype,
                         .x_dtype = x_dtype,
                         .window = {.stride = {1, 1, 1}, .dilation = {1, 1, 1}, .height = 1, .width = m},
                         .height = 1,
                         .width = m,
                         .channels = k,
                         .pixel_stride = k,
                         .w_stride = k,
                         .kernel = {1, 1, 1},
                         .w = w,
                         .w_dtype = w_dtype,
                         .bias = bias,
                         .gate = gate,
                         .epilogue = epilogue,
                         .m = m,
                         .n = n};
    struct packing packing = {.plan = &plan, .kernels = ck_kernels(pool)};
    if (m <= 0 || n <= 0)
        return true;
    if (m <= few_rows) {
        ck_parallel_for(pool, ck_ceil_div(n, dot_columns), multiply_few, &packing);
        return true;
    }
    // All rows meet a part of w while it is in the last-level cache: some columns of it, or, where that means reading
    // less, some of the depth of all.
    ptrdiff_t parts = ck_ceil_div(n * k, most_packed) + (k == 0), count = n, depth = k;
    if (k > n && grows_by_parts(&plan))
        depth = even_part(k, parts, ck_column_step);
    else
        count = even_part(n, parts, ck_column_step);
    plan.channels = ck_min(depth, k);
    size_t bytes = (size_t)packing.kernels->gemm_packed(&plan, ck_min(count, n)) * sizeof(float);
    packing.packed = ck_shared_scratch(pool, ck_max(bytes, 1));
    if (!packing.packed)
        return false;
    plan.packed = packing.packed;
    bool done = multiply_columns(&packing, &plan, count, pool);
    for (ptrdiff_t first = depth; done && first < k; first += depth) {
        const void *rest = (const char *)x + (size_t)first * ck_size(x_dtype);
        plan.frames = &rest;
        plan.w = (const char *)w + (size_t)first * ck_size(w_dtype);
        plan.channels = ck_min(depth, k - first);
        plan.bias = NULL;
        plan.epilogue = epilogue == CK_EPILOGUE_GATED_ADD ? epilogue : CK_EPILOGUE_ADD;
        done = multiply_columns(&packing, &plan, count, pool);
    }
    return done;
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
