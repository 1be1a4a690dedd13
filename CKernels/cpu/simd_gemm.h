#ifndef CK_SIMD_GEMM_H
#define CK_SIMD_GEMM_H
// Products of gathered rows and packed weights. A row is what the kernel of a convolution sees of one frame around one
// pixel; in a matrix product the kernel is 1 x 1 and a pixel has the k numbers of a row.
#include "simd_product.h"

/// With rows in bf16, weights are packed as pairs of it, and so are rows where the hardware multiplies pairs. Elsewhere
/// rows become f32, and the weights do so in registers.
static bool gemm_in_pairs(const ck_gemm_plan *g) { return g->x_dtype == CK_DTYPE_BF16; }

/// How many words of a gathered row a word of the weights meets.
static ptrdiff_t gemm_row_words(const ck_gemm_plan *g) { return gemm_in_pairs(g) && !CK_PAIRS ? 2 : 1; }

/// Numbers that the kernel sees of one frame.
static ptrdiff_t gemm_width(const ck_gemm_plan *g) { return g->kernel[1] * g->kernel[2] * g->channels; }

/// The same in words: numbers, or pairs of them.
static ptrdiff_t gemm_depth(const ck_gemm_plan *g) {
    return gemm_in_pairs(g) ? (gemm_width(g) + 1) / 2 : gemm_width(g);
}

/// For the rows of a block, [row_count, most_depth], and their sums, [columns / panel][row_count][panel].
static size_t gemm_bytes(const ck_gemm_plan *g) {
    return (size_t)(g->row_count * (most_depth + g->column_count)) * sizeof(float);
}

// ---- Packing ----

static ptrdiff_t gemm_packed(const ck_gemm_plan *g, ptrdiff_t columns) {
    return gemm_depth(g) * ck_ceil_div(columns, W) * W;
}

static void gemm_pack(const ck_gemm_plan *g, float *packed, const void *w, ck_dtype dtype, ptrdiff_t columns) {
    pack_transposed(packed, w, dtype, gemm_in_pairs(g), columns, gemm_width(g), g->w_stride);
}

/// Some hundred numbers at most: a call of memcpy would take as long as the copy. Called with constant dtypes.
INLINE void gemm_copy(char *out, const ck_dtype out_dtype, const char *x, const ck_dtype x_dtype, ptrdiff_t count) {
    if (x_dtype == out_dtype && x_dtype != CK_DTYPE_F32) {
        memcpy(out, x, (size_t)count * ck_size(x_dtype));
        return;
    }
    ptrdiff_t i = 0;
    for (; i + W <= count; i += W)
        v_put(out, out_dtype, i, v_get(x, x_dtype, i));
    if (i < count)
        v_put_part(out, out_dtype, i, v_get_part(x, x_dtype, i, count - i), count - i);
}

/// Gathers `count` numbers, from channel `channel` on, of the pixels (dy, dx) beside those of some consecutive results.
/// Called with constant dtypes.
INLINE void gemm_gather_as(const ck_gemm_plan *g, const char *frame, const ck_dtype x_dtype, char *out,
                           const ck_dtype out_dtype, ptrdiff_t pixel, ptrdiff_t rows, ptrdiff_t dy, ptrdiff_t dx,
                           ptrdiff_t channel, ptrdiff_t count) {
    const ck_window *seen = &g->window;
    ptrdiff_t size = (ptrdiff_t)ck_size(x_dtype), step = seen->stride[2];
    ptrdiff_t column = pixel % g->width, y = pixel / g->width * seen->stride[1] + dy;
    for (ptrdiff_t i = 0; i < rows; column = 0, y += seen->stride[1]) {
        ptrdiff_t end = ck_min(rows, i + g->width - column), x = column * step + dx;
        ptrdiff_t at = ((y * seen->width + x) * g->pixel_stride + channel) * size;
        bool exists = y >= 0 && y < seen->height;
        for (; i < end; i++, x += step, at += step * g->pixel_stride * size, out += most_depth * sizeof(float)) {
            if (exists && x >= 0 && x < seen->width)
                gemm_copy(out, out_dtype, frame + at, x_dtype, count);
            else
                memset(out, 0, (size_t)count * ck_size(out_dtype));
        }
    }
}

static void gemm_gather_tap(const ck_gemm_plan *g, const char *frame, char *out, ptrdiff_t pixel, ptrdiff_t rows,
                            ptrdiff_t dy, ptrdiff_t dx, ptrdiff_t channel, ptrdiff_t count) {
    const ck_dtype bf16 = CK_DTYPE_BF16, f32 = CK_DTYPE_F32;
    if (gemm_in_pairs(g))
        gemm_gather_as(g, frame, bf16, out, CK_PAIRS ? bf16 : f32, pixel, rows, dy, dx, channel, count);
    else if (g->x_dtype == f32)
        gemm_gather_as(g, frame, f32, out, f32, pixel, rows, dy, dx, channel, count);
    else
        gemm_gather_as(g, frame, CK_DTYPE_F16, out, f32, pixel, rows, dy, dx, channel, count);
}

/// Gathers words first..<first + depth of `rows` rows. Read where they are, rows some powers of two apart would push
/// each other out of the first-level cache.
static void gemm_gather(const ck_gemm_plan *g, const char *frame, float *out, ptrdiff_t pixel, ptrdiff_t rows,
                        ptrdiff_t first, ptrdiff_t depth) {
    bool pairs = gemm_in_pairs(g);
    ck_dtype dtype = pairs && CK_PAIRS ? CK_DTYPE_BF16 : CK_DTYPE_F32;
    ptrdiff_t at = pairs ? 2 * first : first, wanted = at + (pairs ? 2 * depth : depth);
    ptrdiff_t end = ck_min(wanted, gemm_width(g));
    char *place = (char *)out;
    for (ptrdiff_t count; at < end; at += count, place += (size_t)count * ck_size(dtype)) {
        ptrdiff_t tap = at / g->channels, channel = at % g->channels;
        count = ck_min(g->channels - channel, end - at);
        gemm_gather_tap(g, frame, place, pixel, rows, tap / g->kernel[2] * g->window.dilation[1] - g->window.above,
                        tap % g->kernel[2] * g->window.dilation[2] - g->window.left, channel, count);
    }
    for (ptrdiff_t i = 0; end < wanted && i < rows; i++) // the other half of a pair
        memset(place + (size_t)(i * most_depth) * sizeof(float), 0, ck_size(dtype));
}

// ---- Multiplying ----

/// The numbers of a vector's words that meet word `part` of a row.
INLINE vf gemm_column(vf words, int parts, int part) {
    return parts == 1 ? words : (vf)(part == 0 ? (vu)words << 16 : (vu)words & 0xffff0000);
}

/// sums [rows, vectors · W] become a · b, or grow by it. Called with constants, so that all of them stay in registers.
INLINE void gemm_tile(const int rows, const int vectors, const bool pairs, const float *a, const float *b,
                      ptrdiff_t depth, float *sums, bool grow) {
    const int parts = pairs && !CK_PAIRS ? 2 : 1;
    vf sum[product_rows][2];
    UNROLL for (int i = 0; i < rows; i++) { UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = v_set(0); }
    for (ptrdiff_t k = 0; k < depth; k++, a += parts, b += vectors * W) {
        UNROLL for (int part = 0; part < parts; part++) {
            vf column[2];
            if (part > 0)
                __asm__ volatile("" ::: "memory"); // load the words again, rather than spill them
            UNROLL for (int j = 0; j < vectors; j++) column[j] = gemm_column(v_load(b + j * W), parts, part);
            UNROLL for (int i = 0; i < rows; i++) {
                UNROLL for (int j = 0; j < vectors; j++) sum[i][j] =
                    v_dot(sum[i][j], a[i * most_depth + part], column[j], pairs);
            }
        }
    }
    // Old sums come last: they are on their way while the loop ends.
    if (grow) {
        UNROLL for (int i = 0; i < rows; i++) {
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] += v_load(sums + (i * vectors + j) * W);
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < vectors; j++) v_store(sums + (i * vectors + j) * W, sum[i][j]);
    }
}

#define TILE_FUNCTION(name, vectors, pairs)                                                                            \
    static __attribute__((noinline, unused)) void name(ptrdiff_t rows, const float *a, const float *b,                 \
                                                       ptrdiff_t depth, float *sums, bool grow) {                      \
        if (rows == product_rows) {                                                                                    \
            gemm_tile(product_rows, vectors, pairs, a, b, depth, sums, grow);                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (; rows >= 4; rows -= 4, a += 4 * most_depth, sums += 4 * vectors * W)                                     \
            gemm_tile(4, vectors, pairs, a, b, depth, sums, grow);                                                     \
        for (; rows > 0; rows--, a += most_depth, sums += vectors * W)                                                 \
            gemm_tile(1, vectors, pairs, a, b, depth, sums, grow);                                                     \
    }
TILE_FUNCTION(gemm_tile1, 1, false)
TILE_FUNCTION(gemm_tile2, 2, false)
TILE_FUNCTION(gemm_tile1_pairs, 1, true)
TILE_FUNCTION(gemm_tile2_pairs, 2, true)
#undef TILE_FUNCTION

// ---- Storing ----

INLINE vf gemm_finish(const ck_epilogue epilogue, vf y, vf gate, vf old) {
    switch (epilogue) {
    case CK_EPILOGUE_NONE:
        return y;
    case CK_EPILOGUE_GELU:
        return v_gelu(y);
    case CK_EPILOGUE_SILU:
        return v_silu(y);
    case CK_EPILOGUE_ADD:
        return old + y;
    case CK_EPILOGUE_GATED_ADD:
        return v_fma(gate, y, old);
    }
    return y;
}

/// Columns column..<end of some rows of out, from their sums [rows, stride]. Called with constant epilogues.
INLINE void gemm_store_as(const ck_epilogue epilogue, const ck_gemm_plan *g, const float *sums, ptrdiff_t stride,
                          ptrdiff_t row, ptrdiff_t rows, ptrdiff_t column, ptrdiff_t end) {
    const bool reads = epilogue == CK_EPILOGUE_ADD || epilogue == CK_EPILOGUE_GATED_ADD;
    const ck_dtype dtype = g->out_dtype;
    void *out = g->out;
    for (ptrdiff_t i = column; i < end; i += W, sums += W) {
        vf bias = g->bias ? v_take(g->bias, CK_DTYPE_F32, i, end) : v_set(0), gate = v_set(0);
        if (epilogue == CK_EPILOGUE_GATED_ADD)
            gate = v_take(g->gate, CK_DTYPE_F32, i, end);
        for (ptrdiff_t j = 0; j < rows; j++) {
            ptrdiff_t at = (row + j) * g->n + i, last = (row + j) * g->n + end;
            vf old = reads ? v_take(out, dtype, at, last) : v_set(0);
            v_give(out, dtype, at, gemm_finish(epilogue, v_load(sums + j * stride) + bias, gate, old), last);
        }
    }
}

static void gemm_store(const ck_gemm_plan *g, const float *sums, ptrdiff_t stride, ptrdiff_t row, ptrdiff_t rows,
                       ptrdiff_t column, ptrdiff_t end) {
#define CASE(epilogue)                                                                                                 \
    case epilogue:                                                                                                     \
        gemm_store_as(epilogue, g, sums, stride, row, rows, column, end);                                              \
        break
    switch (g->epilogue) {
        CASE(CK_EPILOGUE_NONE);
        CASE(CK_EPILOGUE_GELU);
        CASE(CK_EPILOGUE_SILU);
        CASE(CK_EPILOGUE_ADD);
        CASE(CK_EPILOGUE_GATED_ADD);
    }
#undef CASE
}

static void gemm_finish_rows(const ck_gemm_plan *g, const float *sums, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t row = first; row < end; row++)
        gemm_store(g, sums + row * g->n, g->n, row, 1, 0, g->n);
}

/// A block of out, and the part of its depth that is multiplied next.
struct gemm_block {
    ptrdiff_t row, rows, column, end;
    ptrdiff_t whole;        // words of a packed column
    ptrdiff_t first, depth; // those of the part
    float *x, *sums;
    const char *next; // in the first row of a matrix, what will be gathered after this part; or NULL
    bool grows, is_last;
};

/// Brings lines of memory into the second-level cache.
INLINE void gemm_fetch(const void *x, ptrdiff_t bytes) {
    for (ptrdiff_t i = 0; i < bytes; i += 64)
        __builtin_prefetch((const char *)x + i, 0, 2);
}

/// Fetches a line of what will be gathered next, of the rows of one tile. Frames are small enough to be near by.
INLINE void gemm_fetch_rows(const ck_gemm_plan *g, const struct gemm_block *block, ptrdiff_t row, ptrdiff_t rows,
                            ptrdiff_t line) {
    ptrdiff_t size = (ptrdiff_t)ck_size(g->x_dtype), stride = g->pixel_stride * size;
    if (!block->next || line * 64 >= most_depth * size)
        return;
    for (ptrdiff_t i = row; i < row + rows; i++)
        gemm_fetch(block->next + i * stride + line * 64, 64);
}

/// Multiplies the rows that have been gathered by a slice of the weights, from the block's first column on.
static void gemm_multiply(const ck_gemm_plan *g, const struct gemm_block *block, const float *packed) {
    bool pairs = gemm_in_pairs(g);
    ptrdiff_t columns = ck_ceil_div(block->end - block->column, W) * W;
    for (ptrdiff_t at = 0; at < columns; at += panel) {
        ptrdiff_t width = ck_min(panel, columns - at), next_width = ck_min(panel, columns - at - width);
        ptrdiff_t column = block->column + at;
        const float *b = packed + at * block->whole + block->first * width;
        // The next panel comes while this one is multiplied, a share beside each tile.
        const float *next = packed + (at + width) * block->whole + block->first * next_width;
        ptrdiff_t share = ck_ceil_div(block->depth * next_width, ck_ceil_div(block->rows, product_rows));
        for (ptrdiff_t row = 0; row < block->rows; row += product_rows) {
            ptrdiff_t rows = ck_min(product_rows, block->rows - row);
            const float *a = block->x + row * most_depth;
            float *sums = block->sums + at * g->row_count + row * width;
            gemm_fetch(next + row / product_rows * share, share * (ptrdiff_t)sizeof(float));
            gemm_fetch_rows(g, block, row, rows, at / panel);
            if (width == panel)
                (pairs ? gemm_tile2_pairs : gemm_tile2)(rows, a, b, block->depth, sums, block->grows);
            else
                (pairs ? gemm_tile1_pairs : gemm_tile1)(rows, a, b, block->depth, sums, block->grows);
            if (block->is_last)
                gemm_store(g, sums, width, block->row + row, rows, column, ck_min(column + width, block->end));
        }
    }
}

/// The block of out that begins at (row, column).
static void gemm_block(const ck_gemm_plan *g, ptrdiff_t row, ptrdiff_t column, float *scratch) {
    ptrdiff_t pixels = g->height * g->width, frame = row / pixels, whole = gemm_depth(g);
    ptrdiff_t parts = ck_max(ck_ceil_div(whole, most_depth / gemm_row_words(g)), 1);
    ptrdiff_t step = ck_ceil_div(ck_ceil_div(whole, parts), W) * W;
    struct gemm_block block = {.row = row,
                               .rows = ck_min(g->row_count, (frame + 1) * pixels - row),
                               .column = column,
                               .end = ck_min(column + g->column_count, g->packed_end),
                               .whole = whole,
                               .x = scratch,
                               .sums = scratch + g->row_count * most_depth};
    size_t size = ck_size(g->x_dtype), word = gemm_in_pairs(g) ? 2 * size : size;
    const float *packed = g->packed + (column - g->packed_first) * whole;
    ptrdiff_t slice = gemm_packed(g, g->packed_end - g->packed_first);
    for (ptrdiff_t time = 0; time < g->kernel[0]; time++, packed += slice) {
        const char *x = g->frames[frame * g->window.stride[0] + time * g->window.dilation[0]];
        for (ptrdiff_t part = 0; x && part < parts; part++, block.grows = true) {
            block.first = part * step;
            block.depth = ck_min(step, whole - block.first);
            block.is_last = time + 1 == g->kernel[0] && part + 1 == parts;
            block.next = NULL;
            if (g->kernel[0] * g->kernel[1] * g->kernel[2] == 1 && !block.is_last)
                block.next = x + (size_t)(row * g->pixel_stride) * size + (size_t)((part + 1) * step) * word;
            gemm_gather(g, x, block.x, row % pixels, block.rows, block.first, block.depth);
            gemm_multiply(g, &block, packed);
        }
    }
}

/// Few rows: each row of w is read once and multiplied with all of them.
static void gemm_dot(const ck_gemm_plan *g, ptrdiff_t column, ptrdiff_t end) {
    const void *rows = g->frames[0];
    ptrdiff_t k = g->channels;
    for (ptrdiff_t row = 0; row < g->m; row++) {
        float sums[dot_columns];
        for (ptrdiff_t i = column; i < end; i++) {
            vf sum[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
            ptrdiff_t x = row * k, w = (i - g->w_first) * k, at = 0;
            for (; at + 4 * W <= k; at += 4 * W) {
                UNROLL for (int j = 0; j < 4; j++) sum[j] =
                    v_fma(v_get(rows, g->x_dtype, x + at + j * W), v_get(g->w, g->w_dtype, w + at + j * W), sum[j]);
            }
            for (; at < k; at += W)
                sum[0] = v_fma(v_take(rows, g->x_dtype, x + at, x + k), v_take(g->w, g->w_dtype, w + at, w + k),
                               sum[0]);
            sums[i - column] = v_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
        }
        gemm_store(g, sums, dot_columns, row, 1, column, end);
    }
}

#endif
