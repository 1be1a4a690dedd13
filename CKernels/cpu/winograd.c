#include "kernels.h"
#include <stdatomic.h>

/// A plan being carried out.
struct winograd {
    ck_winograd_plan plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
    size_t scratch_bytes;
    ptrdiff_t frame_blocks, column_blocks;
    atomic_bool failed;
};

enum { channel_step = 64 };

static void *scratch(struct winograd *g, int thread, size_t bytes) {
    void *memory = ck_scratch(g->pool, thread, bytes);
    if (!memory)
        atomic_store_explicit(&g->failed, true, memory_order_relaxed);
    return memory;
}

static void pack_panel(void *context, ptrdiff_t index, int thread) {
    struct winograd *g = context;
    const ck_winograd_plan *p = &g->plan;
    ptrdiff_t channels = p->call.kernel.in_channels, parts = ck_ceil_div(channels, channel_step);
    ptrdiff_t first = index % parts * channel_step;
    float *memory = scratch(g, thread, g->kernels->winograd_pack_bytes(p));
    if (memory)
        g->kernels->winograd_pack(p, p->packed_first + index / parts * g->kernels->panel, first,
                                  ck_min(first + channel_step, channels), memory);
}

static void multiply_block(void *context, ptrdiff_t index, int thread) {
    struct winograd *g = context;
    const ck_winograd_plan *p = &g->plan;
    float *memory = scratch(g, thread, g->scratch_bytes);
    ptrdiff_t row = index / g->column_blocks, column = index % g->column_blocks;
    if (memory)
        g->kernels->winograd_block(
            p, row / g->frame_blocks * p->tile_rows * p->tile_columns + row % g->frame_blocks * p->row_count,
            p->packed_first + column * p->column_count, memory);
}

/// The columns that have been packed, in blocks: fewer tiles where there would be too few blocks for all threads, then
/// fewer columns.
static void divide(struct winograd *g) {
    enum { most_rows = 72, least_rows = 24, least_columns = 64, row_step = 12 };
    ck_winograd_plan *p = &g->plan;
    ptrdiff_t tiles = p->tile_rows * p->tile_columns, columns = p->packed_end - p->packed_first;
    ptrdiff_t frames = p->call.count, wanted = 4 * ck_pool_threads(g->pool);
    ptrdiff_t rows = ck_ceil_div(tiles, most_rows), column_blocks = 1;
    while (frames * rows < wanted && tiles / rows > 2 * least_rows)
        rows++;
    while (frames * rows * column_blocks < wanted && columns / column_blocks > 2 * least_columns)
        column_blocks++;
    p->row_count = ck_even_part(tiles, rows, row_step);
    p->column_count = ck_even_part(columns, column_blocks, ck_column_step);
    g->frame_blocks = ck_ceil_div(tiles, p->row_count);
    g->column_blocks = ck_ceil_div(columns, p->column_count);
    g->scratch_bytes = g->kernels->winograd_bytes(p);
}

bool ck_winograd(const ck_winograd_call *call, ck_pool *pool) {
    enum { most_packed = 1 << 22 };
    struct winograd g = {.kernels = ck_kernels(pool), .pool = pool};
    ck_winograd_plan *p = &g.plan;
    *p = (ck_winograd_plan){.call = *call,
                            .times = call->kernel.extent[0] - call->folded,
                            .tile_rows = ck_ceil_div(call->height, 2),
                            .tile_columns = ck_ceil_div(call->width, 2)};
    ptrdiff_t n = call->kernel.out_channels, tiles = call->count * p->tile_rows * p->tile_columns;
    if (tiles <= 0 || n <= 0)
        return true;
    // Transformed columns stay in the last-level cache until all tiles have met them.
    ptrdiff_t step = ck_even_part(n, ck_ceil_div(g.kernels->winograd_packed(p, n), most_packed), ck_column_step);
    p->packed = ck_shared_scratch(pool, (size_t)g.kernels->winograd_packed(p, ck_min(step, n)) * sizeof(float));
    if (!p->packed)
        return false;
    for (; p->packed_first < n && !atomic_load(&g.failed); p->packed_first += step) {
        p->packed_end = ck_min(p->packed_first + step, n);
        divide(&g);
        ptrdiff_t panels = ck_ceil_div(p->packed_end - p->packed_first, g.kernels->panel);
        ck_parallel_for(pool, panels * ck_ceil_div(call->kernel.in_channels, channel_step), pack_panel, &g);
        if (!atomic_load(&g.failed))
            ck_parallel_for(pool, call->count * g.frame_blocks * g.column_blocks, multiply_block, &g);
    }
    return !atomic_load(&g.failed);
}
