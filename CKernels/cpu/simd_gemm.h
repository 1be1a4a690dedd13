// Matrix products x · wᵀ with the weights as a checkpoint stores them: a block of them is packed (and converted) once
// and used for up to gemm rows of x.
#include "simd_product.h"

enum { row_block = 192 }; // of x, times most_depth: what stays in the second-level cache

static bool gemm_in_pairs(const ck_gemm_plan *g) { return CK_PAIRS && g->x_dtype == CK_DTYPE_BF16; }

/// The scratch arrays of gemm_block.
struct gemm_arrays {
    float *packed; // weights, all of their depth: [depth / most_depth][columns / panel][most_depth][panel]
    float *x;      // [row_block, most_depth]
    float *sums;   // [row_block, columns]
    float *ones;   // [row_block]
};

/// Numbers or pairs of a row.
static ptrdiff_t gemm_depth(const ck_gemm_plan *g) { return gemm_in_pairs(g) ? (g->k + 1) / 2 : g->k; }

/// Places the arrays in `scratch` and returns how many floats they take.
static ptrdiff_t gemm_place(const ck_gemm_plan *g, struct gemm_arrays *arrays, float *scratch) {
    ptrdiff_t packed = ck_ceil_div(gemm_depth(g), most_depth) * most_depth * g->column_count;
    ptrdiff_t x = row_block * most_depth, sums = row_block * g->column_count;
    if (scratch)
        *arrays = (struct gemm_arrays){scratch, scratch + packed, scratch + packed + x, scratch + packed + x + sums};
    return packed + x + sums + row_block;
}

static size_t gemm_bytes(const ck_gemm_plan *g) {
    struct gemm_arrays arrays;
    return (size_t)gemm_place(g, &arrays, NULL) * sizeof(float);
}

/// Copies words first..<first + depth of `rows` rows of x. Read where they are, rows some powers of two apart would
/// push each other out of the first-level cache.
static void gemm_copy(const ck_gemm_plan *g, float *out, ptrdiff_t row, ptrdiff_t rows, ptrdiff_t first,
                      ptrdiff_t depth) {
    bool pairs = gemm_in_pairs(g), words = pairs || g->x_dtype == CK_DTYPE_F32;
    size_t size = ck_size(g->x_dtype);
    for (ptrdiff_t i = 0; i < rows; i++, out += most_depth) {
        const char *x = (const char *)g->x + (size_t)((row + i) * g->k) * size;
        if (words && (pairs ? 2 : 1) * (first + depth) <= g->k) {
            memcpy(out, x + (size_t)first * sizeof(float), (size_t)depth * sizeof(float));
            continue;
        }
        for (ptrdiff_t at = 0; at < depth; at += W)
            v_give(out, CK_DTYPE_F32, at, get_words(x, g->x_dtype, pairs, first + at, g->k), depth);
    }
}

static void gemm_pack(const ck_gemm_plan *g, float *packed, ptrdiff_t column, ptrdiff_t columns) {
    bool pairs = gemm_in_pairs(g);
    ptrdiff_t step = pairs ? 2 * most_depth : most_depth;
    for (ptrdiff_t first = 0; first < g->k; first += step, packed += most_depth * g->column_count) {
        const char *w = (const char *)g->w + (size_t)(column * g->k + first) * ck_size(g->w_dtype);
        pack_transposed(packed, w, g->w_dtype, pairs, columns, ck_min(step, g->k - first), g->k);
    }
}

/// sums = x · wᵀ for `rows` rows of x and the packed columns.
static void gemm_rows(const ck_gemm_plan *g, const struct gemm_arrays *arrays, ptrdiff_t row, ptrdiff_t rows,
                      ptrdiff_t columns) {
    struct product p = {.out = arrays->sums,
                        .out_stride = g->column_count,
                        .a = arrays->x,
                        .a_stride = most_depth,
                        .b = arrays->packed,
                        .rows = rows,
                        .columns = ck_ceil_div(columns, W) * W,
                        .pairs = gemm_in_pairs(g)};
    ptrdiff_t depth = gemm_depth(g);
    for (ptrdiff_t first = 0; first < depth; first += most_depth) {
        p.depth = ck_min(most_depth, depth - first);
        gemm_copy(g, arrays->x, row, rows, first, p.depth);
        multiply(&p);
        p.keep = arrays->ones;
        p.b += most_depth * g->column_count;
    }
}

INLINE vf gemm_finish(const ck_gemm_plan *g, vf y, ptrdiff_t at, ptrdiff_t column, ptrdiff_t end) {
    if (g->bias)
        y += v_take(g->bias, CK_DTYPE_F32, column, end);
    switch (g->epilogue) {
    case CK_EPILOGUE_NONE:
        return y;
    case CK_EPILOGUE_GELU:
        return v_gelu(y);
    case CK_EPILOGUE_SILU:
        return v_silu(y);
    case CK_EPILOGUE_ADD:
        return v_take(g->out, g->out_dtype, at, at + end - column) + y;
    case CK_EPILOGUE_GATED_ADD:
        return v_fma(v_take(g->gate, CK_DTYPE_F32, column, end), y,
                     v_take(g->out, g->out_dtype, at, at + end - column));
    }
    return y;
}

/// Columns column..<end of one row of out, from their sums.
INLINE void gemm_store(const ck_gemm_plan *g, const float *sums, ptrdiff_t row, ptrdiff_t column, ptrdiff_t end) {
    for (ptrdiff_t i = column; i < end; i += W) {
        ptrdiff_t at = row * g->n + i;
        vf y = gemm_finish(g, v_take(sums, CK_DTYPE_F32, i - column, end - column), at, i, end);
        v_give(g->out, g->out_dtype, at, y, at + end - i);
    }
}

static void gemm_finish_rows(const ck_gemm_plan *g, const float *sums, ptrdiff_t first, ptrdiff_t end) {
    for (ptrdiff_t row = first; row < end; row++)
        gemm_store(g, sums + row * g->n, row, 0, g->n);
}

static void gemm_block(const ck_gemm_plan *g, ptrdiff_t row, ptrdiff_t column, float *scratch) {
    struct gemm_arrays arrays;
    gemm_place(g, &arrays, scratch);
    ptrdiff_t row_end = ck_min(row + g->row_count, g->m), end = ck_min(column + g->column_count, g->n);
    for (ptrdiff_t i = 0; i < row_block; i++)
        arrays.ones[i] = 1;
    gemm_pack(g, arrays.packed, column, end - column);
    for (; row < row_end; row += row_block) {
        ptrdiff_t rows = ck_min(row_block, row_end - row);
        gemm_rows(g, &arrays, row, rows, end - column);
        for (ptrdiff_t i = 0; i < rows; i++)
            gemm_store(g, arrays.sums + i * g->column_count, row + i, column, end);
    }
}

/// Few rows: each row of w is read once and multiplied with all of them.
static void gemm_dot(const ck_gemm_plan *g, ptrdiff_t column, ptrdiff_t end) {
    for (ptrdiff_t row = 0; row < g->m; row++) {
        float sums[dot_columns];
        for (ptrdiff_t i = column; i < end; i++) {
            vf sum[4] = {v_set(0), v_set(0), v_set(0), v_set(0)};
            ptrdiff_t x = row * g->k, w = i * g->k, at = 0;
            for (; at + 4 * W <= g->k; at += 4 * W) {
                UNROLL for (int j = 0; j < 4; j++) sum[j] =
                    v_fma(v_get(g->x, g->x_dtype, x + at + j * W), v_get(g->w, g->w_dtype, w + at + j * W), sum[j]);
            }
            for (; at < g->k; at += W)
                sum[0] = v_fma(v_take(g->x, g->x_dtype, x + at, x + g->k), v_take(g->w, g->w_dtype, w + at, w + g->k),
                               sum[0]);
            sums[i - column] = v_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
        }
        gemm_store(g, sums, row, column, end);
    }
}
