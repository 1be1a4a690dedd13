#ifndef CK_SIMD_WINOGRAD_H
#define CK_SIMD_WINOGRAD_H
// Convolutions by 3 x 3 kernels as Winograd computes them, F(2 x 2, 3 x 3): a tile of 2 x 2 results takes 16 products
// of its 4 x 4 places and the kernel, both transformed, instead of 36 (Lavin and Gray, "Fast Algorithms for
// Convolutional Neural Networks", 2015). Of a doubled frame the places of a tile are three in a row, the middle one
// twice; the difference of twins is zero, and 9 products are left.
#include "simd_gemm.h"

enum { most_points = 4 };

/// Products of an axis, which are as many as the places that are read.
INLINE int winograd_points(const ck_winograd_plan *g) { return g->call.doubled ? 3 : 4; }

/// Kernel [3] to its factors, one for each point.
INLINE void winograd_kernel_axis(const int points, const vf *w, const int step, vf *out, const int out_step) {
    vf first = w[0], middle = w[step], last = w[2 * step], outer = first + last;
    out[0] = first;
    if (points == 3) {
        out[out_step] = outer + middle;
        out[2 * out_step] = last;
    } else {
        out[out_step] = (outer + middle) * 0.5f;
        out[2 * out_step] = (outer - middle) * 0.5f;
        out[3 * out_step] = last;
    }
}

INLINE void winograd_places_axis(const int points, const vf *x, const int step, vf *out, const int out_step) {
    out[0] = x[0] - x[(points - 2) * step];
    if (points == 3) {
        out[out_step] = x[step];
        out[2 * out_step] = x[step] - x[2 * step];
    } else {
        out[out_step] = x[step] + x[2 * step];
        out[2 * out_step] = x[2 * step] - x[step];
        out[3 * out_step] = x[step] - x[3 * step];
    }
}

/// Products to two results.
INLINE void winograd_results_axis(const int points, const vf *x, const int step, vf *out, const int out_step) {
    if (points == 3) {
        out[0] = x[0] + x[step];
        out[out_step] = x[step] - x[2 * step];
    } else {
        out[0] = x[0] + x[step] + x[2 * step];
        out[out_step] = x[step] - x[2 * step] - x[3 * step];
    }
}

// ---- Kernels ----

/// Depth of the products: what is seen of all frames at one point.
INLINE ptrdiff_t winograd_depth(const ck_winograd_plan *g) { return g->times * g->call.kernel.in_channels; }

/// Floats of so many transformed columns.
static ptrdiff_t winograd_packed(const ck_winograd_plan *g, ptrdiff_t columns) {
    ptrdiff_t points = winograd_points(g);
    return points * points * winograd_depth(g) * ck_ceil_div(columns, W) * W;
}

enum { pack_channels = 8 }; // whose numbers of a panel stay in the first-level cache

/// For some channels of a panel of columns, [channels][t][3][3][panel].
static size_t winograd_pack_bytes(const ck_winograd_plan *g) {
    return (size_t)(pack_channels * g->call.kernel.extent[0] * 9 * panel) * sizeof(float);
}

/// One channel of a vector of columns, from its numbers [t][3][3], `width` apart, for all points.
INLINE void winograd_pack_channel(const int points, const ck_winograd_plan *g, const float *from, ptrdiff_t width,
                                  float *to) {
    ptrdiff_t depth = winograd_depth(g), channels = g->call.kernel.in_channels;
    for (ptrdiff_t time = 0; time < g->times; time++, to += channels * width) {
        vf w[9], half[3 * most_points], whole[most_points * most_points];
        UNROLL for (int tap = 0; tap < 9; tap++) w[tap] = v_load(from + tap * width);
        from += 9 * width;
        for (ptrdiff_t i = 0; time == 0 && i < g->call.folded; i++, from += 9 * width) {
            UNROLL for (int tap = 0; tap < 9; tap++) w[tap] += v_load(from + tap * width);
        }
        UNROLL for (int x = 0; x < 3; x++) winograd_kernel_axis(points, w + x, 3, half + x, 3);
        UNROLL for (int y = 0; y < points; y++) winograd_kernel_axis(points, half + 3 * y, 1, whole + points * y, 1);
        UNROLL for (int point = 0; point < points * points; point++) v_store(to + point * depth * width, whole[point]);
    }
}

INLINE void winograd_pack_as(const int points, const ck_winograd_plan *g, ptrdiff_t column, ptrdiff_t first,
                             ptrdiff_t end, float *scratch) {
    const ck_kernel *kernel = &g->call.kernel;
    ptrdiff_t columns = ck_min(panel, kernel->out_channels - column), width = ck_ceil_div(columns, W) * W;
    ptrdiff_t numbers = kernel->extent[0] * 9, row = kernel->in_channels * numbers;
    float *packed = g->packed + (column - g->packed_first) * points * points * winograd_depth(g);
    for (ptrdiff_t count; first < end; first += count) {
        const char *w = (const char *)g->call.w + (size_t)(column * row + first * numbers) * ck_size(g->call.w_dtype);
        count = ck_min(pack_channels, end - first);
        pack_transposed(scratch, w, g->call.w_dtype, false, columns, count * numbers, row);
        for (ptrdiff_t i = 0; kernel->x_dtype == CK_DTYPE_BF16 && i < count * numbers * width; i += W)
            v_store(scratch + i, v_from_bf16(v_to_bf16(v_load(scratch + i))));
        for (ptrdiff_t i = 0; i < count; i++) {
            for (ptrdiff_t at = 0; at < width; at += W)
                winograd_pack_channel(points, g, scratch + i * numbers * width + at, width,
                                      packed + (first + i) * width + at);
        }
    }
}

/// Transforms channels first..<end of the panel of columns that begins at `column`, for [points²][depth][panel].
static void winograd_pack(const ck_winograd_plan *g, ptrdiff_t column, ptrdiff_t first, ptrdiff_t end,
                          float *scratch) {
    if (g->call.doubled)
        winograd_pack_as(3, g, column, first, end, scratch);
    else
        winograd_pack_as(4, g, column, first, end, scratch);
}

// ---- Blocks ----

/// From the rows of one point to those of the next: a line more, so that they do not share sets of the cache.
INLINE ptrdiff_t winograd_place_step(const ck_winograd_plan *g) { return g->row_count * most_depth + 16; }
INLINE ptrdiff_t winograd_sum_step(const ck_winograd_plan *g) { return g->row_count * g->column_count + 16; }

/// For the transformed places of a block at a row of points, [points][row_count][most_depth], its sums,
/// [points²][columns / panel][row_count][panel], and a pixel of zeros.
static size_t winograd_bytes(const ck_winograd_plan *g) {
    ptrdiff_t points = winograd_points(g);
    ptrdiff_t floats = points * winograd_place_step(g) + points * points * winograd_sum_step(g);
    return (size_t)(floats + g->call.kernel.in_channels) * sizeof(float);
}

/// The tiles of a block, and what is multiplied next.
struct winograd_block {
    ptrdiff_t frame, tile, tiles, column, end;
    ptrdiff_t rows;         // tiles, filled up to whole products by repeating the last one
    ptrdiff_t first, depth; // a part of the depth
    int line;               // a row of points
    float *x, *sums;
    const float *zeros;
    bool grows;
};

/// Of a frame, line `y` and the columns that a tile sees; `zeros` for places outside.
INLINE void winograd_pixels(const int points, const ck_winograd_plan *g, const char *frame, const void *zeros,
                            ptrdiff_t y, ptrdiff_t x, const void **pixels) {
    const ck_window *seen = &g->call.window;
    ptrdiff_t size = g->call.kernel.in_channels * (ptrdiff_t)ck_size(g->call.kernel.x_dtype);
    bool exists = frame && y >= 0 && y < seen->height;
    for (int i = 0; i < points; i++)
        pixels[i] = exists && x + i >= 0 && x + i < seen->width ? frame + (y * seen->width + x + i) * size : zeros;
}

/// Transforms channels first..<end of a tile's pixels in two lines, which a row of points takes as upper + factor ·
/// lower; `out` is where the first of them goes at the first point.
INLINE void winograd_places(const int points, const ck_dtype dtype, const void *const *upper, const void *const *lower,
                            float factor, ptrdiff_t first, ptrdiff_t end, ptrdiff_t step, float *out) {
    for (ptrdiff_t i = first; i < end; i += W, out += W) {
        vf x[most_points], y[most_points];
        UNROLL for (int j = 0; j < points; j++) x[j] =
            v_fma(v_take(lower[j], dtype, i, end), v_set(factor), v_take(upper[j], dtype, i, end));
        winograd_places_axis(points, x, 1, y, 1);
        UNROLL for (int j = 0; j < points; j++) v_give(out + j * step, CK_DTYPE_F32, 0, y[j], end - i);
    }
}

/// Transforms the part of the depth at the points of a line.
INLINE void winograd_gather(const int points, const ck_dtype dtype, const ck_winograd_plan *g,
                            const struct winograd_block *block) {
    // What winograd_places_axis does, of lines.
    static const struct { int upper, lower; float factor; } lines[2][most_points] = {
        {{0, 1, -1}, {1, 1, 0}, {1, 2, -1}}, {{0, 2, -1}, {1, 2, 1}, {2, 1, -1}, {1, 3, -1}}};
    const ck_window *seen = &g->call.window;
    ptrdiff_t step = winograd_place_step(g), end = block->first + block->depth, stride = points == 3 ? 1 : 2;
    int upper = lines[points - 3][block->line].upper, lower = lines[points - 3][block->line].lower;
    float factor = lines[points - 3][block->line].factor;
    for (ptrdiff_t row = 0; row < block->rows; row++) {
        ptrdiff_t tile = block->tile + ck_min(row, block->tiles - 1);
        ptrdiff_t y = tile / g->tile_columns * stride - seen->above, x = tile % g->tile_columns * stride - seen->left;
        float *out = block->x + row * most_depth;
        for (ptrdiff_t at = block->first, count; at < end; at += count, out += count) {
            ptrdiff_t time = at / g->call.kernel.in_channels, channel = at % g->call.kernel.in_channels;
            const char *frame = g->call.frames[block->frame * seen->stride[0] + time * seen->dilation[0]];
            const void *above[most_points], *below[most_points];
            count = ck_min(g->call.kernel.in_channels - channel, end - at);
            winograd_pixels(points, g, frame, block->zeros, y + upper, x, above);
            winograd_pixels(points, g, frame, block->zeros, y + lower, x, below);
            winograd_places(points, dtype, above, below, factor, channel, channel + count, step, out);
        }
    }
}

INLINE void winograd_multiply(const int points, const ck_winograd_plan *g, const struct winograd_block *block) {
    ptrdiff_t columns = ck_ceil_div(block->end - block->column, W) * W, depth = winograd_depth(g);
    ptrdiff_t panel_step = points * points * depth, before = block->column - g->packed_first;
    for (int i = 0; i < points; i++) {
        ptrdiff_t point = block->line * points + i, first = point * depth + block->first;
        const float *x = block->x + i * winograd_place_step(g);
        float *sums = block->sums + point * winograd_sum_step(g);
        for (ptrdiff_t at = 0; at < columns; at += panel) {
            ptrdiff_t width = ck_min(panel, columns - at);
            const float *b = g->packed + (before + at) * panel_step + first * width;
            // The next panel comes while this one is multiplied, a share beside each tile.
            const float *next = at + width < columns
                                    ? b + width * panel_step
                                    : g->packed + before * panel_step + (first + depth) * ck_min(panel, columns);
            ptrdiff_t share = ck_ceil_div(block->depth * width, block->rows / product_rows);
            for (ptrdiff_t row = 0; row < block->rows; row += product_rows, next += share) {
                gemm_fetch(next, share * (ptrdiff_t)sizeof(float));
                (width == panel ? gemm_tile2 : gemm_tile1)(product_rows, x + row * most_depth, b, block->depth,
                                                           sums + at * g->row_count + row * width, block->grows);
            }
        }
    }
}

INLINE void winograd_store(const int points, const ck_winograd_plan *g, const struct winograd_block *block) {
    ptrdiff_t columns = ck_ceil_div(block->end - block->column, W) * W, step = winograd_sum_step(g);
    for (ptrdiff_t row = 0; row < block->tiles; row++) {
        ptrdiff_t y = (block->tile + row) / g->tile_columns * 2, x = (block->tile + row) % g->tile_columns * 2;
        for (ptrdiff_t at = 0; at < columns; at += W) {
            ptrdiff_t first = at / panel * panel, width = ck_min(panel, columns - first), column = block->column + at;
            const float *sums = block->sums + first * g->row_count + row * width + at - first;
            vf m[most_points * most_points], half[2 * most_points], out[4];
            UNROLL for (int j = 0; j < points * points; j++) m[j] = v_load(sums + j * step);
            UNROLL for (int j = 0; j < points; j++) winograd_results_axis(points, m + j, points, half + j, points);
            UNROLL for (int j = 0; j < 2; j++) winograd_results_axis(points, half + points * j, 1, out + 2 * j, 1);
            vf bias = g->call.bias ? v_take(g->call.bias, CK_DTYPE_F32, column, block->end) : v_set(0);
            UNROLL for (int j = 0; j < 4; j++) {
                ptrdiff_t line = y + j / 2, pixel = x + j % 2;
                if (line >= g->call.height || pixel >= g->call.width)
                    continue;
                ptrdiff_t place = (block->frame * g->call.height + line) * g->call.width + pixel;
                place *= g->call.kernel.out_channels;
                vf sum = out[j] + bias;
                if (g->call.accumulates)
                    sum += v_take(g->call.out, g->call.out_dtype, place + column, place + block->end);
                v_give(g->call.out, g->call.out_dtype, place + column, sum, place + block->end);
            }
        }
    }
}

INLINE void winograd_block_as(const int points, const ck_dtype dtype, const ck_winograd_plan *g, ptrdiff_t row,
                              ptrdiff_t column, float *scratch) {
    ptrdiff_t tiles = g->tile_rows * g->tile_columns;
    struct winograd_block block = {.frame = row / tiles,
                                   .tile = row % tiles,
                                   .tiles = ck_min(g->row_count, tiles - row % tiles),
                                   .column = column,
                                   .end = ck_min(column + g->column_count, g->packed_end),
                                   .x = scratch,
                                   .sums = scratch + points * winograd_place_step(g)};
    block.rows = ck_ceil_div(block.tiles, product_rows) * product_rows;
    float *zeros = block.sums + points * points * winograd_sum_step(g);
    memset(zeros, 0, (size_t)g->call.kernel.in_channels * sizeof(float));
    block.zeros = zeros;
    ptrdiff_t depth = winograd_depth(g), missing = 0;
    while (missing + 1 < g->times &&
           !g->call.frames[block.frame * g->call.window.stride[0] + missing * g->call.window.dilation[0]])
        missing++;
    ptrdiff_t seen = depth - missing * g->call.kernel.in_channels, parts = ck_ceil_div(seen, most_depth);
    ptrdiff_t step = ck_ceil_div(ck_ceil_div(seen, parts), W) * W;
    for (; block.line < points; block.line++) {
        for (block.first = depth - seen; block.first < depth; block.first += step) {
            block.depth = ck_min(step, depth - block.first);
            block.grows = block.first > depth - seen;
            winograd_gather(points, dtype, g, &block);
            winograd_multiply(points, g, &block);
        }
    }
    winograd_store(points, g, &block);
}

/// The results of the tiles from `row` on, those of frame after frame, in the columns from `column` on.
static void winograd_block(const ck_winograd_plan *g, ptrdiff_t row, ptrdiff_t column, float *scratch) {
    const ck_dtype f32 = CK_DTYPE_F32, bf16 = CK_DTYPE_BF16;
    bool is_narrow = g->call.kernel.x_dtype == bf16;
    if (g->call.doubled && is_narrow)
        winograd_block_as(3, bf16, g, row, column, scratch);
    else if (g->call.doubled)
        winograd_block_as(3, f32, g, row, column, scratch);
    else if (is_narrow)
        winograd_block_as(4, bf16, g, row, column, scratch);
    else
        winograd_block_as(4, f32, g, row, column, scratch);
}

#endif
