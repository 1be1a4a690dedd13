#ifndef CK_SIMD_PRODUCT_H
#define CK_SIMD_PRODUCT_H
// Products of small matrices in the cache. The left matrix is row-major; the right one has been packed into panels of
// up to 2 W columns, each [k][columns]. In pair mode (bf16, CK_PAIRS) an element is a pair of neighbours along k, so k
// counts pairs.
#include "simd.h"

enum {
    product_rows = W == 16 ? 12 : 6, // accumulators: product_rows x 2 vectors
    panel = 2 * W,
    most_depth = 256,
    most_parts = 4 // of a right matrix
};

INLINE vf v_dot(vf sum, float a, vf b, bool pairs) {
#if CK_PAIRS
    if (pairs)
        return (vf)_mm512_dpbf16_ps((__m512)sum, (__m512bh)v_set(a), (__m512bh)b);
#else
    (void)pairs;
#endif
    return v_fma(v_set(a), b, sum);
}

/// out [rows, columns] = keep · out + a · b.
struct product {
    float *out;
    ptrdiff_t out_stride;
    const float *keep; // [rows] or NULL for 0
    const float *ones; // [rows], where the depth is more than most_depth
    float *largest;    // [rows, W] or NULL: becomes the larger of itself and each W-th element of its row
    const float *a;    // [depth / most_depth][a_rows][most_depth]
    ptrdiff_t a_rows;
    // Packed, `part` of the depth each, the last one what is left: [columns / panel][part][panel]. Several where the
    // depth is up to most_depth.
    const float *b[most_parts];
    ptrdiff_t part;
    ptrdiff_t rows, columns, depth;
    bool pairs;
    bool fetches; // the panels of b ahead
};

/// Rows of one panel. Called with constants, so that all sums stay in registers.
INLINE void multiply_tile(const int rows, const int vectors, const bool pairs, const struct product *p, ptrdiff_t row,
                          ptrdiff_t depth) {
    vf sum[product_rows][2];
    // Copies, because a store into out could change what p points to.
    const float *a = p->a + row * most_depth, *keep = p->keep ? p->keep + row : NULL;
    ptrdiff_t out_stride = p->out_stride;
    float *out = p->out + row * out_stride, *largest = p->largest ? p->largest + row * W : NULL;
    UNROLL for (int i = 0; i < rows; i++) { UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = v_set(0); }
    for (const float *const *next = p->b; depth > 0; next++) {
        const float *b = *next;
        ptrdiff_t part = ck_min(p->part, depth);
        _Pragma("clang loop unroll_count(4)") // fewer words between multiplications
        for (ptrdiff_t k = 0; k < part; k++) {
            vf column[2];
            UNROLL for (int j = 0; j < vectors; j++) column[j] = v_load(b + (k * vectors + j) * W);
            UNROLL for (int i = 0; i < rows; i++) {
                float x = a[i * most_depth + k];
                UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = v_dot(sum[i][j], x, column[j], pairs);
            }
        }
        a += part;
        depth -= part;
    }
    if (keep) {
        UNROLL for (int i = 0; i < rows; i++) {
            vf factor = v_set(keep[i]);
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] =
                v_fma(v_load(out + i * out_stride + j * W), factor, sum[i][j]);
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < vectors; j++) v_store(out + i * out_stride + j * W, sum[i][j]);
    }
    if (largest) {
        UNROLL for (int i = 0; i < rows; i++) {
            vf most = v_load(largest + i * W);
            UNROLL for (int j = 0; j < vectors; j++) most = v_max(most, sum[i][j]);
            v_store(largest + i * W, most);
        }
    }
}

/// Brings a share of what is multiplied next, a panel of each part, into the second-level cache.
INLINE void fetch_panels(const struct product *p, ptrdiff_t depth, ptrdiff_t width, ptrdiff_t row, ptrdiff_t rows) {
    ptrdiff_t left = p->depth;
    for (const float *const *b = p->b; left > 0; b++, left -= p->part) {
        ptrdiff_t floats = ck_min(p->part, left) * width, share = ck_min(floats, depth * width) / p->rows + 1;
        const float *next = *b + floats + row * share;
        for (ptrdiff_t i = 0; i < rows * share; i += 16)
            __builtin_prefetch(next + i, 0, 2);
    }
}

/// Rows of the next tile, of those that are left. Less than four cannot keep the multipliers busy.
INLINE ptrdiff_t tile_rows(ptrdiff_t left) {
    return left == product_rows || left >= product_rows + 4 ? product_rows : left <= 5 ? left : 4;
}

#define TILE(count, vectors, pairs)                                                                                    \
    case count:                                                                                                        \
        multiply_tile(count, vectors, pairs, p, row, depth);                                                           \
        break
#define PANEL_FUNCTION(name, vectors, pairs)                                                                           \
    static __attribute__((noinline, unused)) void name(const struct product *p, ptrdiff_t depth) {                     \
        for (ptrdiff_t row = 0, rows; row < p->rows; row += rows) {                                                    \
            rows = tile_rows(p->rows - row);                                                                           \
            if (p->fetches)                                                                                            \
                fetch_panels(p, depth, vectors * W, row, rows);                                                        \
            switch (rows) {                                                                                            \
                TILE(product_rows, vectors, pairs);                                                                    \
                TILE(5, vectors, pairs);                                                                               \
                TILE(4, vectors, pairs);                                                                               \
                TILE(3, vectors, pairs);                                                                               \
                TILE(2, vectors, pairs);                                                                               \
                TILE(1, vectors, pairs);                                                                               \
            }                                                                                                          \
        }                                                                                                              \
    }
PANEL_FUNCTION(multiply_panel1, 1, false)
PANEL_FUNCTION(multiply_panel2, 2, false)
#if CK_PAIRS
PANEL_FUNCTION(multiply_panel1_pairs, 1, true)
PANEL_FUNCTION(multiply_panel2_pairs, 2, true)
#else
#define multiply_panel1_pairs multiply_panel1
#define multiply_panel2_pairs multiply_panel2
#endif
#undef PANEL_FUNCTION
#undef TILE

/// Depth is walked in steps whose panel fits the first-level cache.
static void multiply(const struct product *whole) {
    for (ptrdiff_t first = 0; first < whole->depth; first += most_depth) {
        ptrdiff_t depth = ck_min(most_depth, whole->depth - first);
        for (ptrdiff_t column = 0; column < whole->columns; column += panel) {
            struct product p = *whole;
            ptrdiff_t width = ck_min(panel, p.columns - column);
            p.out += column;
            p.a += first * p.a_rows;
            for (ptrdiff_t i = 0, left = p.depth; left > 0; i++, left -= p.part)
                p.b[i] += column * ck_min(p.part, left) + first * width;
            p.keep = first ? p.ones : p.keep;
            p.largest = first + depth == p.depth ? p.largest : NULL;
            if (width == panel)
                (p.pairs ? multiply_panel2_pairs : multiply_panel2)(&p, depth);
            else
                (p.pairs ? multiply_panel1_pairs : multiply_panel1)(&p, depth);
        }
    }
}

// ---- Packing ----

// Within each 128 bits of a and b: their low and high halves, by turns.
#if CK_WIDTH == 16
#define LANES_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 4, 20, 5, 21, 8, 24, 9, 25, 12, 28, 13, 29)
#define LANES_HIGH(a, b) __builtin_shufflevector(a, b, 2, 18, 3, 19, 6, 22, 7, 23, 10, 26, 11, 27, 14, 30, 15, 31)
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31)
#elif CK_WIDTH == 8
#define LANES_LOW(a, b) __builtin_shufflevector(a, b, 0, 8, 1, 9, 4, 12, 5, 13)
#define LANES_HIGH(a, b) __builtin_shufflevector(a, b, 2, 10, 3, 11, 6, 14, 7, 15)
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 8, 9, 4, 5, 12, 13)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 10, 11, 6, 7, 14, 15)
#else
#define LANES_LOW(a, b) __builtin_shufflevector(a, b, 0, 4, 1, 5)
#define LANES_HIGH(a, b) __builtin_shufflevector(a, b, 2, 6, 3, 7)
#define PAIRS_LOW(a, b) __builtin_shufflevector(a, b, 0, 1, 4, 5)
#define PAIRS_HIGH(a, b) __builtin_shufflevector(a, b, 2, 3, 6, 7)
#endif

#if CK_WIDTH == 16
#define ZIP_LOW(a, b) __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23)
#define ZIP_HIGH(a, b) __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31)

/// Transposes W x W values: log₂ W perfect shuffles of the rows.
INLINE void transpose(vf x[W]) {
    UNROLL for (int round = 1; round < W; round *= 2) {
        vf y[W];
        UNROLL for (int i = 0; i < W / 2; i++) {
            y[2 * i] = ZIP_LOW(x[i], x[i + W / 2]);
            y[2 * i + 1] = ZIP_HIGH(x[i], x[i + W / 2]);
        }
        UNROLL for (int i = 0; i < W; i++) x[i] = y[i];
    }
}
#else
/// Transposes W x W values: 4 x 4 within 128 bits, then, of vectors of 256 bits, their halves.
INLINE void transpose(vf x[W]) {
    UNROLL for (int i = 0; i < W; i += 4) {
        vf a = LANES_LOW(x[i], x[i + 1]), b = LANES_HIGH(x[i], x[i + 1]);
        vf c = LANES_LOW(x[i + 2], x[i + 3]), d = LANES_HIGH(x[i + 2], x[i + 3]);
        x[i] = PAIRS_LOW(a, c);
        x[i + 1] = PAIRS_HIGH(a, c);
        x[i + 2] = PAIRS_LOW(b, d);
        x[i + 3] = PAIRS_HIGH(b, d);
    }
#if CK_WIDTH == 8
    UNROLL for (int i = 0; i < 4; i++) {
        vf low = __builtin_shufflevector(x[i], x[i + 4], 0, 1, 2, 3, 8, 9, 10, 11);
        x[i + 4] = __builtin_shufflevector(x[i], x[i + 4], 4, 5, 6, 7, 12, 13, 14, 15);
        x[i] = low;
    }
#endif
}
#endif

/// Elements (pairs) i..<i + W of a row.
INLINE vf get_whole_words(const void *row, ck_dtype dtype, bool pairs, ptrdiff_t i) {
    if (!pairs)
        return v_get(row, dtype, i);
    if (dtype == CK_DTYPE_BF16)
        return v_load((const char *)row + i * 4);
    vh low = v_to_bf16(v_get(row, dtype, 2 * i)), high = v_to_bf16(v_get(row, dtype, 2 * i + W));
    vf words;
    memcpy(&words, &low, sizeof low);
    memcpy((char *)&words + sizeof low, &high, sizeof high);
    return words;
}

/// The same of a row of `width` numbers, with zeros behind its end.
static vf get_words(const void *row, ck_dtype dtype, bool pairs, ptrdiff_t i, ptrdiff_t width) {
    ptrdiff_t first = pairs ? 2 * i : i, count = pairs ? 2 * W : W;
    if (first + count <= width)
        return get_whole_words(row, dtype, pairs, i);
    float last[2 * W] = {0};
    memcpy(last, (const char *)row + (size_t)first * ck_size(dtype), (size_t)(width - first) * ck_size(dtype));
    return get_whole_words(last, dtype, pairs, 0);
}

/// Packs the transpose of `rows` rows of `width` numbers, `stride` numbers apart: row r becomes column r. Columns are
/// filled up to a multiple of W with zeros; k = width, or pairs of it, rounded up.
static void pack_transposed(float *out, const void *x, ck_dtype dtype, bool pairs, ptrdiff_t rows, ptrdiff_t width,
                            ptrdiff_t stride) {
    ptrdiff_t k = pairs ? (width + 1) / 2 : width, whole = (pairs ? width / 2 : width) / W * W;
    size_t row_bytes = (size_t)stride * ck_size(dtype);
    for (ptrdiff_t first = 0; first < rows; first += panel, out += panel * k) {
        ptrdiff_t span = ck_min(panel, ck_ceil_div(rows - first, W) * W);
        for (ptrdiff_t at = 0; at < k; at += W) {
            ptrdiff_t depth = ck_min(W, k - at);
            for (ptrdiff_t column = 0; column < span; column += W) {
                const char *row = (const char *)x + (size_t)(first + column) * row_bytes;
                ptrdiff_t count = ck_min(W, rows - first - column);
                vf tile[W];
                if (count == W && at < whole) {
                    UNROLL for (int i = 0; i < W; i++) tile[i] =
                        get_whole_words(row + (size_t)i * row_bytes, dtype, pairs, at);
                } else {
                    for (int i = 0; i < W; i++)
                        tile[i] =
                            i < count ? get_words(row + (size_t)i * row_bytes, dtype, pairs, at, width) : v_set(0);
                }
                transpose(tile);
                float *place = out + at * span + column;
                for (ptrdiff_t i = 0; i < depth; i++)
                    v_store(place + i * span, tile[i]);
            }
        }
    }
}

/// Packs `rows` rows of `width` numbers, `stride` numbers apart, as the right matrix itself: rows run along k. Columns
/// are filled up to a multiple of W, and an odd last row to a pair, with zeros.
static void pack_rows(float *out, const void *x, ck_dtype dtype, bool pairs, ptrdiff_t rows, ptrdiff_t width,
                      ptrdiff_t stride) {
    ptrdiff_t k = pairs ? (rows + 1) / 2 : rows, columns = ck_ceil_div(width, W) * W;
    size_t row_bytes = (size_t)stride * ck_size(dtype);
    for (ptrdiff_t at = 0; at < k; at++) {
        const char *low = (const char *)x + (size_t)(pairs ? 2 * at : at) * row_bytes;
        bool paired = pairs && 2 * at + 1 < rows;
        for (ptrdiff_t column = 0; column < columns; column += W) {
            ptrdiff_t first = column / panel * panel, span = ck_min(panel, columns - first);
            vf y = v_take(low, dtype, column, width);
            if (pairs) {
                // bf16 values as f32 have their bits above, zeros below.
                y = (vf)((vu)y >> 16);
                if (paired)
                    y = (vf)((vu)y | (vu)v_take(low + row_bytes, dtype, column, width));
            }
            v_store(out + first * k + at * span + column - first, y);
        }
    }
}

#endif
