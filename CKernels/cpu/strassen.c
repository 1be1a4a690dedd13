// How a product with fewer multiplications is cut into blocks for the threads. What computes a block is in
// simd_strassen.h.
#include "kernels.h"
#include <stdatomic.h>
#include <unistd.h>

/// A plan being carried out.
struct strassen {
    ck_gemm_plan plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
    float *packed;
    ptrdiff_t slices; // of a part of the depth, packed one by one
    ptrdiff_t column_blocks;
    atomic_bool failed;
};

static float *scratch(struct strassen *s, int thread, size_t bytes) {
    float *memory = ck_scratch(s->pool, thread, bytes);
    if (!memory)
        atomic_store_explicit(&s->failed, true, memory_order_relaxed);
    return memory;
}

static void pack_block(void *context, ptrdiff_t index, int thread) {
    struct strassen *s = context;
    const struct ck_kernels *kernels = s->kernels;
    float *memory = scratch(s, thread, kernels->strassen_pack_bytes());
    ptrdiff_t column = index / s->slices * kernels->strassen_columns;
    if (memory)
        kernels->strassen_pack(&s->plan, s->packed + kernels->strassen_packed(&s->plan, column),
                               s->plan.packed_first + column, index % s->slices * kernels->strassen_step, memory);
}

static void multiply_block(void *context, ptrdiff_t index, int thread) {
    struct strassen *s = context;
    ck_gemm_plan plan = s->plan;
    ptrdiff_t row = index / s->column_blocks * plan.row_count;
    ptrdiff_t column = plan.packed_first + index % s->column_blocks * plan.column_count;
    float *memory = scratch(s, thread, s->kernels->strassen_bytes(&plan));
    plan.row_count = ck_min(plan.row_count, ck_even_part(plan.m - row, 1, s->kernels->strassen_row_step));
    if (memory)
        s->kernels->strassen_block(&plan, row, column, memory);
}

/// All rows by all columns of a part of the depth.
static bool multiply_part(struct strassen *s) {
    enum { most_packed = 1 << 23 };
    const struct ck_kernels *kernels = s->kernels;
    ck_gemm_plan *p = &s->plan;
    const ptrdiff_t step = kernels->strassen_columns, threads = ck_pool_threads(s->pool);
    ptrdiff_t fitting = ck_max(most_packed / kernels->strassen_packed(p, step), 1) * step;
    ptrdiff_t count = ck_even_part(p->n, ck_ceil_div(p->n, fitting), step),
              row_blocks = ck_ceil_div(p->m, p->row_count);
    s->packed = ck_shared_scratch(s->pool, (size_t)kernels->strassen_packed(p, count) * sizeof(float));
    if (!s->packed)
        return false;
    p->packed = s->packed;
    s->slices = ck_ceil_div(ck_ceil_div(p->channels, 4), kernels->strassen_step);
    // A block gathers its rows by itself: columns are divided only for want of blocks.
    p->column_count = ck_even_part(count, ck_max(ck_min(ck_ceil_div(4 * threads, row_blocks), count / step), 1), step);
    for (p->packed_first = 0; p->packed_first < p->n; p->packed_first += count) {
        p->packed_end = ck_min(p->packed_first + count, p->n);
        ptrdiff_t columns = p->packed_end - p->packed_first;
        s->column_blocks = ck_ceil_div(columns, p->column_count);
        ck_parallel_for(s->pool, columns / step * s->slices, pack_block, s);
        ck_parallel_for(s->pool, row_blocks * s->column_blocks, multiply_block, s);
    }
    return !atomic_load(&s->failed);
}

/// Whether the cache has room for gathered rows of every processor, beside packed columns that pass through.
static bool has_room(void) {
#if defined(_SC_LEVEL3_CACHE_SIZE)
    enum { least_bytes = 4 << 20 };
    return sysconf(_SC_LEVEL3_CACHE_SIZE) / ck_max(sysconf(_SC_NPROCESSORS_ONLN), 1) >= least_bytes;
#else
    return false;
#endif
}

bool ck_takes_strassen(const ck_gemm_plan *plan, const ck_pool *pool) {
    enum { least_rows = 1024, least_width = 768 };
    return ck_pool_isa(pool) == CK_ISA_AVX2 && plan->x_dtype == CK_DTYPE_F32 && plan->out_dtype == CK_DTYPE_F32 &&
           !plan->quantised && has_room() && plan->m >= least_rows && plan->n >= least_width &&
           plan->channels >= least_width && plan->n % ck_kernels(pool)->strassen_columns == 0;
}

bool ck_strassen(const ck_gemm_plan *plan, const float *x, ck_pool *pool) {
    enum { most_depth = 1536, most_rows = 144 };
    struct strassen s = {.plan = *plan, .kernels = ck_kernels(pool), .pool = pool};
    ck_gemm_plan *p = &s.plan;
    const ptrdiff_t k = plan->channels;
    const ptrdiff_t depth = ck_even_part(k, ck_ceil_div(k, most_depth), s.kernels->strassen_columns);
    const bool adds = plan->epilogue == CK_EPILOGUE_ADD || plan->epilogue == CK_EPILOGUE_GATED_ADD;
    const void *part = x;
    bool done = true;
    p->frames = &part;
    p->row_count = ck_even_part(p->m, ck_ceil_div(p->m, most_rows), s.kernels->strassen_row_step);
    for (ptrdiff_t first = 0; done && first < k; first += depth) {
        bool is_last = first + depth >= k;
        part = x + first;
        p->channels = ck_min(depth, k - first);
        p->w = (const char *)plan->w + (size_t)first * ck_size(plan->w_dtype);
        p->bias = is_last ? plan->bias : NULL;
        p->grows = is_last && first > 0 && !adds;
        p->epilogue = adds || is_last ? plan->epilogue : first > 0 ? CK_EPILOGUE_ADD : CK_EPILOGUE_NONE;
        done = multiply_part(&s);
    }
    return done;
}
