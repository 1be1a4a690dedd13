#ifndef CK_SIMD_WINOGRAD_H
#define CK_SIMD_WINOGRAD_H
// Convolutions by 3 x 3 kernels as Winograd computes them, F(2 x 2, 3 x 3): a tile of 2 x 2 results takes 16 products of
// its 4 x 4 places and the kernel, both transformed, instead of 36 (Lavin and Gray, "Fast Algorithms for Convolutional
// Neural Networks", 2015). Of a doubled frame the places of a tile are three, the middle one twice; the difference of
// twins is zero, and 9 products are left.
#include "simd_gemm.h"

enum { most_points = 4 };

/// Of an axis: products, places that are read, and their transforms.
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

/// For the transformed places of a block, [points²][row_count][most_depth], its sums,
/// [points²][columns / panel][row_count][panel], and a pixel of zeros.
static size_t winograd_bytes(const ck_winograd_plan *g) {
    ptrdiff_t points = winograd_points(g);
    return (size_t)(points * points * (winograd_place_step(g) + winograd_sum_step(g)) + g->call.kernel.in_channels) * sizeof(float);
}

/// The pixels of a frame that tile `tile` sees; `zeros` for those outside.
INLINE void winograd_pixels(const int points, const ck_winograd_plan *g, const float *frame, const float *zeros,
                            ptrdiff_t tile, const float **pixels) {
    const ck_window *seen = &g->call.window;
    ptrdiff_t step = points == 3 ? 1 : 2;
    ptrdiff_t top = tile / g->tile_columns * step - seen->above, left = tile % g->tile_columns * step - seen->left;
    for (int i = 0; i < points * points; i++) {
        ptrdiff_t y = top + i / points, x = left + i % points;
        bool exists = frame && y >= 0 && y < seen->height && x >= 0 && x < seen->width;
        pixels[i] = exists ? frame + (y * seen->width + x) * g->call.kernel.in_channels : zeros;
    }
}

/// Transforms channels first..<end of a tile's pixels; `out` is where the first of them goes at the first point.
INLINE void winograd_places(const int points, const float *const *pixels, ptrdiff_t first, ptrdiff_t end,
                            ptrdiff_t step, float *out) {
    for (ptrdiff_t i = first; i < end; i += W, out += W) {
        vf x[most_points * most_points], half[most_points * most_points];
        UNROLL for (int j = 0; j < points * points; j++) x[j] = v_take(pixels[j], CK_DTYPE_F32, i, end);
        UNROLL for (int j = 0; j < points; j++) winograd_places_axis(points, x + j, points, half + j, points);
        UNROLL for (int j = 0; j < points; j++)
            winograd_places_axis(points, half + points * j, 1, x + points * j, 1);
        if (i + W <= end) {
            UNROLL for (int j = 0; j < points * points; j++) v_store(out + j * step, x[j]);
        } else {
            UNROLL for (int j = 0; j < points * points; j++)
                v_put_part(out + j * step, CK_DTYPE_F32, 0, x[j], end - i);
        }
    }
}

/// The tiles of a block, and the part of the depth that is multiplied next.
struct winograd_block {
    ptrdiff_t frame, tile, tiles, column, end;
    ptrdiff_t rows;         // tiles, filled up to whole products by repeating the last one
    ptrdiff_t first, depth; // of the part
    float *x, *sums;
    const float *zeros;
    bool grows;
};

INLINE void winograd_gather(const int points, const ck_winograd_plan *g, const struct winograd_block *block) {
    const ck_window *seen = &g->call.window;
    ptrdiff_t step = winograd_place_step(g), end = block->first + block->depth;
    for (ptrdiff_t row = 0; row < block->rows; row++) {
        ptrdiff_t tile = block->tile + ck_min(row, block->tiles - 1);
        float *out = block->x + row * most_depth;
        for (ptrdiff_t at = block->first, count; at < end; at += count, out += count) {
            ptrdiff_t time = at / g->call.kernel.in_channels, channel = at % g->call.kernel.in_channels;
            const float *pixels[most_points * most_points];
            count = ck_min(g->call.kernel.in_channels - channel, end - at);
            winograd_pixels(points, g, g->call.frames[block->frame * seen->stride[0] + time * seen->dilation[0]],
                            block->zeros, tile, pixels);
            winograd_places(points, pixels, channel, channel + count, step, out);
        }
    }
}

INLINE void winograd_multiply(const int points, const ck_winograd_plan *g, const struct winograd_block *block) {
    ptrdiff_t columns = ck_ceil_div(block->end - block->column, W) * W, depth = winograd_depth(g);
    ptrdiff_t place_step = winograd_place_step(g), sum_step = winograd_sum_step(g);
    for (ptrdiff_t point = 0; point < points * points; point++) {
        for (ptrdiff_t at = 0; at < columns; at += panel) {
            ptrdiff_t width = ck_min(panel, columns - at), start = block->column + at - g->packed_first;
            const float *b = g->packed + start * points * points * depth + (point * depth + block->first) * width;
            // The next panel comes while this one is multiplied, a share beside each tile.
            bool is_last = at + width == columns;
            const float *next = is_last ? g->packed + (block->column - g->packed_first) * points * points * depth +
                                              ((point + 1) * depth + block->first) * ck_min(panel, columns)
                                        : b + width * points * points * depth;
            ptrdiff_t share = ck_ceil_div(block->depth * width, block->rows / product_rows);
            for (ptrdiff_t row = 0; row < block->rows; row += product_rows, next += share) {
                gemm_fetch(next, share * (ptrdiff_t)sizeof(float));
                (width == panel ? gemm_tile2 : gemm_tile1)(
                    product_rows, block->x + point * place_step + row * most_depth, b, block->depth,
                    block->sums + point * sum_step + at * g->row_count + row * width, block->grows);
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
                ptrdiff_t place = ((block->frame * g->call.height + y + j / 2) * g->call.width + x + j % 2) * g->call.kernel.out_channels;
                if (y + j / 2 >= g->call.height || x + j % 2 >= g->call.width)
                    continue;
                vf sum = out[j] + bias;
                if (g->call.accumulates)
                    sum += v_take(g->call.out, g->call.out_dtype, place + column, place + block->end);
                v_give(g->call.out, g->call.out_dtype, place + column, sum, place + block->end);
            }
        }
    }
}

INLINE void winograd_block_as(const int points, const ck_winograd_plan *g, ptrdiff_t row, ptrdiff_t column, float *scratch) {
    ptrdiff_t tiles = g->tile_rows * g->tile_columns;
    struct winograd_block block = {.frame = row / tiles,
                                   .tile = row % tiles,
                                   .tiles = ck_min(g->row_count, tiles - row % tiles),
                                   .column = column,
                                   .end = ck_min(column + g->column_count, g->packed_end),
                                   .x = scratch,
                                   .sums = scratch + points * points * winograd_place_step(g)};
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
    for (block.first = depth - seen; block.first < depth; block.first += step, block.grows = true) {
        block.depth = ck_min(step, depth - block.first);
        winograd_gather(points, g, &block);
        winograd_multiply(points, g, &block);
    }
    winograd_store(points, g, &block);
}

/// The results of the tiles from `row` on, those of frame after frame, in the columns from `column` on.
static void winograd_block(const ck_winograd_plan *g, ptrdiff_t row, ptrdiff_t column, float *scratch) {
    if (g->call.doubled)
        winograd_block_as(3, g, row, column, scratch);
    else
        winograd_block_as(4, g, row, column, scratch);
}

#endif
