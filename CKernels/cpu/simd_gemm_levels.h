// Products of whole numbers. A quantised weight is a level times a scale that neighbours along a row share, and a row
// of x becomes levels of 16 bits too: two products of 16 bits and their sum take one instruction, where f32 takes two.
//
// A word holds the levels of two neighbours along k. A part of the depth has at most level_part numbers: even the
// largest levels of x and of an 8-bit weight then sum up within 32 bits.
#include "simd_dequantise.h"
#include "simd_gemm.h"

enum {
    level_part = 2 * most_depth,
    most_level = 32767
};

typedef int32_t vi __attribute__((vector_size(CK_WIDTH * 4)));

/// sum + the products of both halves of a's and b's words.
INLINE vi v_dot_levels(vi sum, int32_t a, vi b) {
#if CK_VNNI
    return (vi)_mm512_dpwssd_epi32((__m512i)sum, _mm512_set1_epi32(a), (__m512i)b);
#elif CK_WIDTH == 16
    return sum + (vi)_mm512_madd_epi16(_mm512_set1_epi32(a), (__m512i)b);
#elif CK_WIDTH == 8
    return sum + (vi)_mm256_madd_epi16(_mm256_set1_epi32(a), (__m256i)b);
#else
    return sum + (b << 16 >> 16) * (int16_t)a + (b >> 16) * (a >> 16);
#endif
}

// ---- Packing ----

/// How many levels of a row share a scale, at most a part's; 0 where the weights are no levels of 8 bits.
static ptrdiff_t levels_group(const ck_quantised *w) {
    if (w->format == CK_FORMAT_Q8_0)
        return 32;
    if (w->format != CK_FORMAT_INT8)
        return 0;
    if (!w->scales || w->scale_columns >= w->columns)
        return level_part;
    return w->scale_columns % 2 == 0 && level_part % w->scale_columns == 0 ? w->scale_columns : 0;
}

static ptrdiff_t levels_packed(const ck_gemm_plan *g, ptrdiff_t columns) {
    ptrdiff_t words = (g->channels + 1) / 2, groups = ck_ceil_div(g->channels, g->group);
    return (words + groups) * ck_ceil_div(columns, W) * W;
}

/// Levels of columns first..<end of a row, and the scale of each group of them.
static void levels_row(const ck_quantised *w, ptrdiff_t group, ptrdiff_t row, ptrdiff_t first, ptrdiff_t end,
                       int16_t *out, float *scales) {
    for (ptrdiff_t count; first < end; first += count, out += count, scales++) {
        count = ck_min(group, end - first);
        if (w->format == CK_FORMAT_Q8_0) {
            const uint8_t *b = (const uint8_t *)w->data + (row * w->columns + first) / 32 * 34;
            *scales = half_at(b);
            for (int i = 0; i < 32; i++)
                out[i] = (int8_t)b[2 + i];
        } else if (w->format == CK_FORMAT_INT8) {
            const int8_t *x = (const int8_t *)w->data + row * w->columns + first;
            ptrdiff_t runs = w->scales ? ck_ceil_div(w->columns, w->scale_columns) : 1;
            ptrdiff_t tile = w->scales ? (row + w->scale_rows_above) / w->scale_rows * runs : 0;
            *scales = w->scales ? w->scales[tile + first / w->scale_columns] : 1;
            for (ptrdiff_t i = 0; i < count; i++)
                out[i] = x[i];
        }
    }
}

/// Packs rows `first`..<first + columns of w: panels of words [k / 2][columns], then all scales [group][panel].
static void levels_pack(const ck_gemm_plan *g, float *packed, float *scales, ptrdiff_t first, ptrdiff_t columns,
                        void *scratch) {
    const ck_quantised *w = g->quantised;
    ptrdiff_t k = g->channels, words = (k + 1) / 2, padded = ck_ceil_div(words, W) * W;
    ptrdiff_t groups = ck_ceil_div(k, g->group);
    float *row_scales = scratch;
    int16_t *levels = (int16_t *)(row_scales + ck_column_step * groups);
    for (ptrdiff_t i = 0; i < columns; i++) {
        levels_row(w, g->group, first + i, g->first_channel, g->first_channel + k, levels + i * 2 * padded,
                   row_scales + i * groups);
        memset(levels + i * 2 * padded + k, 0, (size_t)(2 * padded - k) * sizeof(int16_t));
    }
    for (ptrdiff_t at = 0; at < columns; at += panel) {
        ptrdiff_t span = ck_min(panel, ck_ceil_div(columns - at, W) * W), count = ck_min(span, columns - at);
        for (ptrdiff_t k0 = 0; k0 < padded; k0 += W) {
            for (ptrdiff_t column = 0; column < span; column += W) {
                vf tile[W];
                for (int i = 0; i < W; i++)
                    tile[i] = column + i < count ? v_load(levels + (at + column + i) * 2 * padded + 2 * k0) : v_set(0);
                transpose(tile);
                for (ptrdiff_t i = 0; i < ck_min(W, words - k0); i++)
                    v_store(packed + at * words + (k0 + i) * span + column, tile[i]);
            }
        }
        for (ptrdiff_t j = 0; j < groups; j++) {
            for (ptrdiff_t i = 0; i < span; i++)
                scales[at * groups + j * span + i] = i < count ? row_scales[(at + i) * groups + j] : 0;
        }
    }
}

static size_t levels_pack_bytes(const ck_gemm_plan *g) {
    ptrdiff_t padded = ck_ceil_div((g->channels + 1) / 2, W) * W, groups = ck_ceil_div(g->channels, g->group);
    return (size_t)(ck_column_step * (padded + groups)) * sizeof(float);
}

// ---- Multiplying ----

/// Levels of `depth` numbers of a row, and their scale: no number where one of them is none.
static float levels_of_row(const void *x, ck_dtype dtype, ptrdiff_t first, ptrdiff_t depth, int16_t *out) {
    vf most = v_set(0), none = v_set(0);
    ptrdiff_t end = first + depth;
    for (ptrdiff_t i = first; i < end; i += W) {
        vf value = v_take(x, dtype, i, end);
        most = v_max((vf)((vu)value & 0x7fffffff), most);
        none += value * v_set(0);
    }
    float largest = v_largest(most);
    vf factor = v_set(largest > 0x1p-100f ? most_level / largest : 0);
    // The lowest bits of such a sum are the nearest whole number.
    for (ptrdiff_t i = first; i < end; i += W, out += W) {
        vf level = v_fma(v_take(x, dtype, i, end), factor, v_set(0x1.8p23f));
        *(vh_memory *)out = __builtin_convertvector((vu)level, vh);
    }
    return largest > 0x1p-100f ? largest / most_level + v_sum(none) : v_sum(none);
}

/// What a tile reads beside its rows: the panel's words and scales, both from the part's first on.
struct level_panel {
    const int32_t *words;
    const float *scales;
    ptrdiff_t depth, group; // in words
};

/// sums [rows, vectors · W] become scale · (a · b), or grow by it. Called with constants.
INLINE void levels_tile(const int rows, const int vectors, const int32_t *a, const struct level_panel *b,
                        const float *row_scales, float *sums, bool grow) {
    float part[product_rows * 2 * W];
    const int32_t *words = b->words;
    const float *scales = b->scales;
    ptrdiff_t first = 0, depth = b->depth, group = b->group;
    for (bool more = false; first < depth; more = true, first += group, scales += vectors * W) {
        vi sum[product_rows][2];
        UNROLL for (int i = 0; i < rows; i++) { UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = (vi){0}; }
        for (ptrdiff_t k = first, end = ck_min(depth, first + group); k < end; k++, words += vectors * W) {
            vi column[2];
            UNROLL for (int j = 0; j < vectors; j++) column[j] = (vi)v_load(words + j * W);
            UNROLL for (int i = 0; i < rows; i++) {
                int32_t x = a[i * most_depth + k];
                UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = v_dot_levels(sum[i][j], x, column[j]);
            }
        }
        UNROLL for (int j = 0; j < vectors; j++) {
            vf scale = v_load(scales + j * W);
            UNROLL for (int i = 0; i < rows; i++) {
                float *place = part + (i * vectors + j) * W;
                vf value = __builtin_convertvector(sum[i][j], vf);
                v_store(place, more ? v_fma(value, scale, v_load(place)) : value * scale);
            }
        }
    }
    UNROLL for (int i = 0; i < rows; i++) {
        UNROLL for (int j = 0; j < vectors; j++) {
            float *place = sums + (i * vectors + j) * W;
            vf value = v_load(part + (i * vectors + j) * W);
            v_store(place, v_fma(value, v_set(row_scales[i]), grow ? v_load(place) : v_set(0)));
        }
    }
}

#define TILE_FUNCTION(name, vectors)                                                                                   \
    static __attribute__((noinline)) void name(ptrdiff_t rows, const int32_t *a, const struct level_panel *b,          \
                                               const float *row_scales, float *sums, bool grow) {                      \
        if (rows == product_rows) {                                                                                    \
            levels_tile(product_rows, vectors, a, b, row_scales, sums, grow);                                          \
            return;                                                                                                    \
        }                                                                                                              \
        for (; rows > 0; rows--, a += most_depth, row_scales++, sums += vectors * W)                                   \
            levels_tile(1, vectors, a, b, row_scales, sums, grow);                                                     \
    }
TILE_FUNCTION(levels_tile1, 1)
TILE_FUNCTION(levels_tile2, 2)
#undef TILE_FUNCTION

/// For the rows of a block as levels, [row_count, most_depth] words, their scales, and their sums.
static size_t levels_bytes(const ck_gemm_plan *g) {
    return (size_t)(g->row_count * (most_depth + 1 + g->column_count)) * sizeof(float);
}

/// The block of out that begins at (row, column).
static void levels_block(const ck_gemm_plan *g, ptrdiff_t row, ptrdiff_t column, float *scratch) {
    ptrdiff_t k = g->channels, words = (k + 1) / 2, groups = ck_ceil_div(k, g->group);
    ptrdiff_t rows = ck_min(g->row_count, g->m - row), end = ck_min(column + g->column_count, g->packed_end);
    float *row_scales = scratch + g->row_count * most_depth, *sums = row_scales + g->row_count;
    ptrdiff_t before = column - g->packed_first, columns = ck_ceil_div(end - column, W) * W;
    for (ptrdiff_t first = 0; first < k; first += level_part) {
        ptrdiff_t depth = ck_min(level_part, k - first);
        for (ptrdiff_t i = 0; i < rows; i++) {
            ptrdiff_t at = (row + i) * g->pixel_stride + first;
            row_scales[i] = levels_of_row(g->frames[0], g->x_dtype, at, depth, (int16_t *)(scratch + i * most_depth));
        }
        for (ptrdiff_t at = 0; at < columns; at += panel) {
            ptrdiff_t width = ck_min(panel, columns - at), place = before + at;
            struct level_panel b = {(const int32_t *)g->packed + place * words + first / 2 * width,
                                    g->packed_scales + place * groups + first / g->group * width, (depth + 1) / 2,
                                    g->group / 2};
            // The next panel comes while this one is multiplied, a share beside each tile.
            ptrdiff_t next_width = ck_min(panel, columns - at - width);
            const int32_t *next = (const int32_t *)g->packed + (place + width) * words + first / 2 * next_width;
            ptrdiff_t share = ck_ceil_div(b.depth * next_width, ck_ceil_div(rows, product_rows));
            for (ptrdiff_t i = 0; i < rows; i += product_rows) {
                ptrdiff_t count = ck_min(product_rows, rows - i);
                float *tile = sums + at * g->row_count + i * width;
                gemm_fetch(next + i / product_rows * share, share * (ptrdiff_t)sizeof(int32_t));
                (width == panel ? levels_tile2 : levels_tile1)(
                    count, (const int32_t *)scratch + i * most_depth, &b, row_scales + i, tile, first > 0);
                if (first + depth == k)
                    gemm_store(g, tile, width, row + i, count, column + at, ck_min(column + at + width, end));
            }
        }
    }
}
