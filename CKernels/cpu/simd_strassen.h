#ifndef CK_SIMD_STRASSEN_H
#define CK_SIMD_STRASSEN_H
// Products with fewer multiplications: two levels of Strassen's algorithm, 7 products of quarters in the place of 8
// ("Gaussian Elimination is not Optimal", 1969; Winograd's form has fewer sums, but three times the error). A block of
// rows has four parts, so have a block of columns and the depth. Sums of parts are made while they are packed, and 49
// products of them become the 16 parts of a block of out in the cache.
#include "simd_gemm.h"

enum {
    strassen_axis = 4,
    strassen_parts = strassen_axis * strassen_axis,
    strassen_products = 49,
    strassen_columns = strassen_axis * panel, // of a block
    strassen_group = 2,                       // blocks of columns that meet some rows at once
    strassen_line = 16                        // floats more, so that products do not share sets of the cache
};

// ---- Sums of quarters; `step` apart ----

INLINE void strassen_left(const vf *a, const int step, vf *out, const int out_step) {
    out[0] = a[0] + a[3 * step];
    out[out_step] = a[2 * step] + a[3 * step];
    out[2 * out_step] = a[0];
    out[3 * out_step] = a[3 * step];
    out[4 * out_step] = a[0] + a[step];
    out[5 * out_step] = a[2 * step] - a[0];
    out[6 * out_step] = a[step] - a[3 * step];
}

INLINE void strassen_right(const vf *b, const int step, vf *out, const int out_step) {
    out[0] = b[0] + b[3 * step];
    out[out_step] = b[0];
    out[2 * out_step] = b[step] - b[3 * step];
    out[3 * out_step] = b[2 * step] - b[0];
    out[4 * out_step] = b[3 * step];
    out[5 * out_step] = b[0] + b[step];
    out[6 * out_step] = b[2 * step] + b[3 * step];
}

INLINE void strassen_results(const vf *p, const int step, vf *out, const int out_step) {
    out[0] = (p[0] + p[3 * step]) + (p[6 * step] - p[4 * step]);
    out[out_step] = p[2 * step] + p[4 * step];
    out[2 * out_step] = p[step] + p[3 * step];
    out[3 * out_step] = (p[0] - p[step]) + (p[2 * step] + p[5 * step]);
}

/// From part (row, column) of 4 x 4 to its place by quarters of quarters: [row / 2][column / 2][row % 2][column % 2].
INLINE int strassen_place(const int row, const int column) {
    return row / 2 * 8 + column / 2 * 4 + row % 2 * 2 + column % 2;
}

/// Parts, by strassen_place, to the factors of the products.
INLINE void strassen_factors(const bool left, const vf *parts, vf *out) {
    vf outer[7 * 4];
    UNROLL for (int i = 0; i < 4; i++) {
        if (left)
            strassen_left(parts + i, 4, outer + i, 4);
        else
            strassen_right(parts + i, 4, outer + i, 4);
    }
    UNROLL for (int i = 0; i < 7; i++) {
        if (left)
            strassen_left(outer + 4 * i, 1, out + 7 * i, 1);
        else
            strassen_right(outer + 4 * i, 1, out + 7 * i, 1);
    }
}

// ---- Columns ----

/// Numbers of a part of the depth.
INLINE ptrdiff_t strassen_depth(const ck_gemm_plan *g) {
    return ck_ceil_div(ck_ceil_div(g->channels, strassen_axis), panel) * panel;
}

/// Floats of so many packed columns, blocks of [product][depth][panel].
static ptrdiff_t strassen_packed(const ck_gemm_plan *g, ptrdiff_t columns) {
    return columns / strassen_columns * strassen_products * strassen_depth(g) * panel;
}

enum { strassen_step = 32 }; // of the depth that is packed at once

/// For [part][strassen_step][panel].
static size_t strassen_pack_bytes(void) { return strassen_parts * strassen_step * panel * sizeof(float); }

/// Packs the block of columns from `column` on, the places from `first` on of each part of the depth.
static void strassen_pack(const ck_gemm_plan *g, float *packed, ptrdiff_t column, ptrdiff_t first, float *scratch) {
    enum { part_size = strassen_step * panel };
    ptrdiff_t depth = strassen_depth(g), count = ck_min(strassen_step, depth - first);
    for (int row = 0; row < strassen_axis; row++) {
        ptrdiff_t at = row * depth + first, here = ck_max(ck_min(count, g->channels - at), 0);
        for (int i = 0; i < strassen_axis; i++) {
            float *part = scratch + strassen_place(row, i) * part_size;
            const char *w =
                (const char *)g->w + (size_t)((column + i * panel) * g->w_stride + at) * ck_size(g->w_dtype);
            if (here > 0)
                pack_transposed(part, w, g->w_dtype, false, panel, here, g->w_stride);
            memset(part + here * panel, 0, (size_t)((count - here) * panel) * sizeof(float));
        }
    }
    packed += first * panel;
    for (ptrdiff_t i = 0; i < count * panel; i += W) {
        vf parts[strassen_parts], factors[strassen_products];
        UNROLL for (int j = 0; j < strassen_parts; j++) parts[j] = v_load(scratch + j * part_size + i);
        strassen_factors(false, parts, factors);
        UNROLL for (int j = 0; j < strassen_products; j++) v_store(packed + j * depth * panel + i, factors[j]);
    }
}

// ---- Rows ----

/// How the depth of a part is cut, so that a panel of it stays in the first-level cache.
INLINE ptrdiff_t strassen_slices(const ck_gemm_plan *g) { return ck_ceil_div(strassen_depth(g), most_depth); }
INLINE ptrdiff_t strassen_slice(const ck_gemm_plan *g) {
    return ck_ceil_div(ck_ceil_div(strassen_depth(g), strassen_slices(g)), panel) * panel;
}

/// Rows of a part of a block.
INLINE ptrdiff_t strassen_rows(const ck_gemm_plan *g) { return g->row_count / strassen_axis; }

/// From a product's factors of the rows, [slice][rows][most_depth], to the next one's, and from its results.
INLINE ptrdiff_t strassen_left_step(const ck_gemm_plan *g) {
    return strassen_slices(g) * strassen_rows(g) * most_depth + strassen_line;
}
INLINE ptrdiff_t strassen_result_step(const ck_gemm_plan *g) {
    return strassen_rows(g) * strassen_group * panel + strassen_line;
}

static size_t strassen_bytes(const ck_gemm_plan *g) {
    return (size_t)(strassen_products * (strassen_left_step(g) + strassen_result_step(g))) * sizeof(float);
}

/// Where a part of a row of x begins, and how many numbers it has.
struct strassen_source {
    const float *x;
    ptrdiff_t count;
};

/// Places at..<at + W of all sources to the factors of the products. Called with constant `whole`: all have them.
INLINE void strassen_gather_at(const bool whole, const struct strassen_source *sources, ptrdiff_t at, float *out,
                               ptrdiff_t step) {
    vf parts[strassen_parts], factors[strassen_products];
    UNROLL for (int i = 0; i < strassen_parts; i++) {
        const struct strassen_source *source = &sources[i];
        if (whole || at + W <= source->count)
            parts[i] = v_load(source->x + at);
        else
            parts[i] = at < source->count ? v_get_part(source->x, CK_DTYPE_F32, at, source->count - at) : v_set(0);
    }
    strassen_factors(true, parts, factors);
    UNROLL for (int i = 0; i < strassen_products; i++) v_store(out + i * step, factors[i]);
}

/// The factors of row `row` of all parts of a block.
static void strassen_gather(const ck_gemm_plan *g, ptrdiff_t first, ptrdiff_t row, float *out) {
    ptrdiff_t depth = strassen_depth(g), slice = strassen_slice(g), rows = strassen_rows(g);
    ptrdiff_t step = strassen_left_step(g);
    struct strassen_source sources[strassen_parts];
    bool whole = first + 3 * rows + row < g->m && g->channels == strassen_axis * depth;
    for (int i = 0; i < strassen_axis; i++) {
        ptrdiff_t at = ck_min(first + i * rows + row, g->m);
        for (int j = 0; j < strassen_axis; j++)
            sources[strassen_place(i, j)] =
                (struct strassen_source){(const float *)g->frames[0] + at * g->pixel_stride + j * depth,
                                         at < g->m ? ck_max(ck_min(depth, g->channels - j * depth), 0) : 0};
    }
    for (ptrdiff_t at = 0; at < depth; at += panel) {
        float *place = out + (at / slice * rows + row) * most_depth + at % slice;
        if (whole) {
            UNROLL for (int i = 0; i < strassen_parts; i++) __builtin_prefetch(sources[i].x + g->pixel_stride + at);
        }
        for (int i = 0; i < panel; i += W) {
            if (whole)
                strassen_gather_at(true, sources, at + i, place + i, step);
            else
                strassen_gather_at(false, sources, at + i, place + i, step);
        }
    }
}

// ---- Products ----

/// What gemm_tile does for a whole tile, while what will be multiplied later comes near: a line of each for 4 places.
static __attribute__((noinline, unused)) void strassen_tile(const float *a, const float *b, ptrdiff_t depth,
                                                            float *sums, bool grow, const float *next_a,
                                                            const float *next_b) {
    vf sum[product_rows][2];
    UNROLL for (int i = 0; i < product_rows; i++) { UNROLL for (int j = 0; j < 2; j++) sum[i][j] = v_set(0); }
    for (ptrdiff_t k = 0; k < depth; k += 4, a += 4, b += 8 * W, next_a += 16, next_b += 16) {
        __builtin_prefetch(next_a, 0, 2);
        __builtin_prefetch(next_b, 0, 2);
        UNROLL for (int part = 0; part < 4; part++) {
            vf column[2];
            UNROLL for (int j = 0; j < 2; j++) column[j] = v_load(b + (2 * part + j) * W);
            UNROLL for (int i = 0; i < product_rows; i++) {
                vf x = v_set(a[i * most_depth + part]);
                UNROLL for (int j = 0; j < 2; j++) sum[i][j] = v_fma(x, column[j], sum[i][j]);
            }
        }
    }
    if (grow) {
        UNROLL for (int i = 0; i < product_rows; i++) {
            UNROLL for (int j = 0; j < 2; j++) sum[i][j] += v_load(sums + (i * 2 + j) * W);
        }
    }
    UNROLL for (int i = 0; i < product_rows; i++) {
        UNROLL for (int j = 0; j < 2; j++) v_store(sums + (i * 2 + j) * W, sum[i][j]);
    }
}

/// The results of all products of some rows with `blocks` blocks of columns, [product][block][rows][panel].
static void strassen_multiply(const ck_gemm_plan *g, const float *left, const float *right, ptrdiff_t blocks,
                              float *results) {
    ptrdiff_t depth = strassen_depth(g), slice = strassen_slice(g), rows = strassen_rows(g);
    ptrdiff_t tile = slice * panel / (rows / product_rows);
    for (int product = 0; product < strassen_products; product++) {
        for (ptrdiff_t at = 0; at < depth; at += slice) {
            bool more = at + slice < depth;
            const float *a = left + product * strassen_left_step(g) + at / slice * rows * most_depth;
            const float *next_a = more ? a + rows * most_depth : left + (product + 1) * strassen_left_step(g);
            ptrdiff_t count = ck_min(slice, depth - at);
            for (ptrdiff_t block = 0; block < blocks; block++) {
                const float *b = right + ((block * strassen_products + product) * depth + at) * panel;
                const float *next_b = b + slice * panel;
                float *sums = results + product * strassen_result_step(g) + block * rows * panel;
                for (ptrdiff_t row = 0; row < rows; row += product_rows)
                    strassen_tile(a + row * most_depth, b, count, sums + row * panel, at > 0,
                                  next_a + (row + block * 3) * most_depth, next_b + row / product_rows * tile);
            }
        }
    }
}

/// Row `row` of all parts of one block of columns, [strassen_axis][strassen_columns], from the results.
INLINE void strassen_combine(const ck_gemm_plan *g, const float *results, ptrdiff_t row, float *out) {
    ptrdiff_t step = strassen_result_step(g);
    for (int at = 0; at < panel; at += W) {
        vf products[strassen_products], outer[7 * 4], parts[strassen_parts];
        UNROLL for (int i = 0; i < strassen_products; i++) products[i] = v_load(results + i * step + row * panel + at);
        UNROLL for (int i = 0; i < 7; i++) strassen_results(products + 7 * i, 1, outer + 4 * i, 1);
        UNROLL for (int i = 0; i < 4; i++) strassen_results(outer + i, 4, parts + i, 4);
        UNROLL for (int i = 0; i < strassen_parts; i++) {
            const int place = strassen_place(i / strassen_axis, i % strassen_axis);
            v_store(out + i / strassen_axis * strassen_columns + i % strassen_axis * panel + at, parts[place]);
        }
    }
}

/// Stores one block of columns.
static void strassen_store(const ck_gemm_plan *g, const float *results, ptrdiff_t first, ptrdiff_t column) {
    float sums[strassen_axis * strassen_columns];
    for (ptrdiff_t row = 0; row < strassen_rows(g); row++) {
        strassen_combine(g, results, row, sums);
        for (int i = 0; i < strassen_axis; i++) {
            ptrdiff_t at = first + i * strassen_rows(g) + row;
            if (at >= g->m)
                break;
            float *mine = sums + i * strassen_columns;
            const float *old = (const float *)g->out + at * g->n + column;
            for (int j = 0; g->grows && j < strassen_columns; j += W)
                v_store(mine + j, v_load(mine + j) + v_load(old + j));
            gemm_store(g, mine, strassen_columns, at, 1, column, column + strassen_columns);
        }
    }
}

/// The block of out that begins at (row, column).
static void strassen_block(const ck_gemm_plan *g, ptrdiff_t row, ptrdiff_t column, float *scratch) {
    ptrdiff_t end = ck_min(column + g->column_count, g->packed_end);
    float *results = scratch + strassen_products * strassen_left_step(g);
    for (ptrdiff_t i = 0; i < strassen_rows(g); i++)
        strassen_gather(g, row, i, scratch);
    for (; column < end; column += strassen_group * strassen_columns) {
        ptrdiff_t blocks = ck_min(strassen_group, (end - column) / strassen_columns);
        strassen_multiply(g, scratch, g->packed + strassen_packed(g, column - g->packed_first), blocks, results);
        for (ptrdiff_t i = 0; i < blocks; i++)
            strassen_store(g, results + i * strassen_rows(g) * panel, row, column + i * strassen_columns);
    }
}

#endif
