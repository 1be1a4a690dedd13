// Norms, cut into rows for the threads; what computes them is in simd_norm.h.
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

static ptrdiff_t rows_at_once(ptrdiff_t width) { return ck_ceil_div(16384, ck_max(width, 1)); }

static void for_rows(void (*inner)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end), ck_norm norm, ck_pool *pool) {
    struct rows r = {.norm = norm, .inner = inner, .piece = rows_at_once(norm.width)};
    ck_parallel_for(pool, ck_ceil_div(norm.rows, r.piece), normalise, &r);
}

void ck_layer_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain,
                   const float *offset, ptrdiff_t rows, ptrdiff_t width, float eps, ck_pool *pool) {
    ck_norm n = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .rows = rows, .width = width};
    n.gain = gain;
    n.offset = offset;
    n.eps = eps;
    for_rows(ck_kernels(pool)->layer_norm, n, pool);
}

void ck_rms_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain, ptrdiff_t rows,
                 ptrdiff_t width, float eps, ck_pool *pool) {
    ck_norm n = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .rows = rows, .width = width};
    n.gain = gain;
    n.eps = eps;
    for_rows(ck_kernels(pool)->rms_norm, n, pool);
}

void ck_rms_norm_rotary(void *x, ck_dtype dtype, const float *gain, const float *cosine, const float *sine,
                        ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, float eps, ck_pool *pool) {
    ck_norm n = {.out = x, .x = x, .out_dtype = dtype, .x_dtype = dtype, .rows = rows, .width = heads * head_dim};
    n.head_dim = head_dim;
    n.gain = gain;
    n.cosine = cosine;
    n.sine = sine;
    n.eps = eps;
    for_rows(ck_kernels(pool)->rms_norm, n, pool);
}

void ck_layer_norm_rotary(void *x, ck_dtype dtype, const float *gain, const float *offset, const float *cosine,
                          const float *sine, ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, float eps,
                          ck_pool *pool) {
    ck_norm n = {.out = x, .x = x, .out_dtype = dtype, .x_dtype = dtype, .rows = rows, .width = heads * head_dim};
    n.head_dim = head_dim;
    n.gain = gain;
    n.offset = offset;
    n.cosine = cosine;
    n.sine = sine;
    n.eps = eps;
    for_rows(ck_kernels(pool)->layer_norm_rotary, n, pool);
}

void ck_channel_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain, bool silu,
                     ptrdiff_t rows, ptrdiff_t width, ck_pool *pool) {
    ck_norm n = {.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .rows = rows, .width = width};
    n.gain = gain;
    n.silu = silu;
    for_rows(ck_kernels(pool)->channel_norm, n, pool);
}

struct group_norm {
    ck_norm norm;
    void (*inner)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end, float *mean, float *squares);
    ck_pool *pool;
    ptrdiff_t piece, groups;
    float *partial;       // [pieces, groups, 2]: mean, squares
    float *mean, *factor; // [channels]
    _Atomic bool failed;
};

/// What is known of some numbers together: count, mean, sum of squared differences from the mean.
struct moments {
    double count, mean, squares;
};

static struct moments joined(struct moments a, struct moments b) {
    double count = a.count + b.count, difference = b.mean - a.mean, share = count > 0 ? b.count / count : 0;
    return (struct moments){count, a.mean + difference * share,
                            a.squares + b.squares + difference * difference * a.count * share};
}

static void group_moments(void *context, ptrdiff_t index, int thread) {
    struct group_norm *g = context;
    ptrdiff_t channels = g->norm.width, size = channels / g->groups;
    ptrdiff_t first = index * g->piece, end = ck_min(first + g->piece, g->norm.rows);
    float *mean = ck_scratch(g->pool, thread, 2 * (size_t)channels * sizeof(float));
    if (!mean) {
        g->failed = true;
        return;
    }
    float *squares = mean + channels;
    g->inner(&g->norm, first, end, mean, squares);
    for (ptrdiff_t group = 0; group < g->groups; group++) {
        struct moments all = {0};
        for (ptrdiff_t c = group * size; c < (group + 1) * size; c++)
            all = joined(all, (struct moments){(double)(end - first), mean[c], squares[c]});
        g->partial[(index * g->groups + group) * 2] = (float)all.mean;
        g->partial[(index * g->groups + group) * 2 + 1] = (float)all.squares;
    }
}

static void group_scale(void *context, ptrdiff_t group, int thread) {
    (void)thread;
    struct group_norm *g = context;
    ptrdiff_t rows = g->norm.rows, size = g->norm.width / g->groups;
    struct moments all = {0};
    for (ptrdiff_t first = 0; first < rows; first += g->piece) {
        const float *part = g->partial + (first / g->piece * g->groups + group) * 2;
        double count = (double)(ck_min(g->piece, rows - first) * size);
        all = joined(all, (struct moments){count, part[0], part[1]});
    }
    double scale = 1 / sqrt(all.squares / all.count + (double)g->norm.eps);
    for (ptrdiff_t c = group * size; c < (group + 1) * size; c++) {
        g->mean[c] = (float)all.mean;
        g->factor[c] = (float)(scale * (double)g->norm.gain[c]);
    }
}

bool ck_group_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain,
                   const float *offset, const ck_places *places, bool silu, ptrdiff_t positions, ptrdiff_t channels,
                   ptrdiff_t groups, float eps, ck_pool *pool) {
    struct group_norm g = {.inner = ck_kernels(pool)->column_statistics, .pool = pool, .groups = groups};
    g.norm = (ck_norm){.out = out, .x = x, .out_dtype = out_dtype, .x_dtype = x_dtype, .rows = positions, .silu = silu};
    g.norm.width = channels;
    g.norm.places = places;
    g.norm.gain = gain;
    g.norm.offset = offset;
    g.norm.eps = eps;
    g.piece = rows_at_once(channels);
    ptrdiff_t partial = 2 * ck_ceil_div(positions, g.piece) * groups;
    g.partial = ck_shared_scratch(pool, (size_t)(partial + 2 * channels) * sizeof(float));
    if (!g.partial)
        return false;
    g.mean = g.partial + partial;
    g.factor = g.mean + channels;
    ck_parallel_for(pool, ck_ceil_div(positions, g.piece), group_moments, &g);
    if (g.failed)
        return false;
    ck_parallel_for(pool, groups, group_scale, &g);
    g.norm.mean = g.mean;
    g.norm.gain = g.factor;
    for_rows(ck_kernels(pool)->scale_columns, g.norm, pool);
    return true;
}
