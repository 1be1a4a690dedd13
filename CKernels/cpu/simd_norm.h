// Norms of rows. Sums run over 2 W partial sums, so that a row of some thousand numbers loses no more than a bit or
// two.
#include "simd.h"

typedef float vf_half __attribute__((vector_size(CK_WIDTH * 2), aligned(4), may_alias));

/// The mean of a row, better if `guess` is near.
static float row_mean(const void *x, ck_dtype dtype, ptrdiff_t first, ptrdiff_t width, float guess) {
    vf sum[4] = {v_set(0), v_set(0), v_set(0), v_set(0)}, base = v_set(guess);
    ptrdiff_t i = first, end = first + width;
    for (; i + 4 * W <= end; i += 4 * W) {
        UNROLL for (int j = 0; j < 4; j++) sum[j] += v_get(x, dtype, i + j * W) - base;
    }
    for (; i < end; i += W) {
        vf d = v_take(x, dtype, i, end) - base;
        sum[0] += i + W <= end ? d : v_first(d, end - i, v_set(0));
    }
    return guess + v_sum((sum[0] + sum[1]) + (sum[2] + sum[3])) / (float)width;
}

/// Σ (x - mean)² over a row.
static float row_squares(const void *x, ck_dtype dtype, ptrdiff_t first, ptrdiff_t width, float mean) {
    vf sum[4] = {v_set(0), v_set(0), v_set(0), v_set(0)}, m = v_set(mean);
    ptrdiff_t i = first, end = first + width;
    for (; i + 4 * W <= end; i += 4 * W) {
        UNROLL for (int j = 0; j < 4; j++) {
            vf d = v_get(x, dtype, i + j * W) - m;
            sum[j] = v_fma(d, d, sum[j]);
        }
    }
    for (; i < end; i += W) {
        vf d = v_take(x, dtype, i, end) - m;
        d = i + W <= end ? d : v_first(d, end - i, v_set(0));
        sum[0] = v_fma(d, d, sum[0]);
    }
    return v_sum((sum[0] + sum[1]) + (sum[2] + sum[3]));
}

static void layer_norm(const ck_norm *n, ptrdiff_t first_row, ptrdiff_t end_row) {
    for (ptrdiff_t row = first_row; row < end_row; row++) {
        ptrdiff_t first = row * n->width;
        float mean = row_mean(n->x, n->x_dtype, first, n->width, 0);
        mean = row_mean(n->x, n->x_dtype, first, n->width, mean);
        float variance = row_squares(n->x, n->x_dtype, first, n->width, mean) / (float)n->width;
        vf scale = v_set(1 / sqrtf(variance + n->eps)), m = v_set(mean);
        for (ptrdiff_t i = 0; i < n->width; i += W) {
            vf y = (v_take(n->x, n->x_dtype, first + i, first + n->width) - m) * scale;
            if (n->gain)
                y *= v_take(n->gain, CK_DTYPE_F32, i, n->width);
            if (n->offset)
                y += v_take(n->offset, CK_DTYPE_F32, i, n->width);
            v_give(n->out, n->out_dtype, first + i, y, first + n->width);
        }
    }
}

/// Each number twice.
INLINE vf v_twice(const float *x, ptrdiff_t i, ptrdiff_t end) {
    vf_half half;
    if (i + W / 2 <= end) {
        half = *(const vf_half *)(x + i);
    } else {
        half = (vf_half){0};
        memcpy(&half, x + i, (size_t)(end - i) * sizeof(float));
    }
#if CK_WIDTH == 16
    return __builtin_shufflevector(half, half, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5, 6, 6, 7, 7);
#elif CK_WIDTH == 8
    return __builtin_shufflevector(half, half, 0, 0, 1, 1, 2, 2, 3, 3);
#else
    return __builtin_shufflevector(half, half, 0, 0, 1, 1);
#endif
}

/// (a, b) to (-b, a) for each pair of neighbours.
INLINE vf v_quarter_turn(vf x) {
#if CK_WIDTH == 16
    vf y = __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#elif CK_WIDTH == 8
    vf y = __builtin_shufflevector(x, x, 1, 0, 3, 2, 5, 4, 7, 6);
#else
    vf y = __builtin_shufflevector(x, x, 1, 0, 3, 2);
#endif
    typedef uint64_t vl __attribute__((vector_size(CK_WIDTH * 4)));
    return (vf)((vl)y ^ 0x80000000);
}

/// Elements i..<i + W of a head, turned.
INLINE vf v_turned(const ck_norm *n, ptrdiff_t row, ptrdiff_t i, vf y) {
    ptrdiff_t half = n->head_dim / 2;
    vf cosine = v_twice(n->cosine + row * half, i / 2, half), sine = v_twice(n->sine + row * half, i / 2, half);
    return v_fma(y, cosine, v_quarter_turn(y) * sine);
}

static void rotate_row(const ck_norm *n, ptrdiff_t row, vf scale) {
    for (ptrdiff_t head = 0; head < n->width; head += n->head_dim) {
        ptrdiff_t first = row * n->width + head, end = first + n->head_dim;
        for (ptrdiff_t i = 0; i < n->head_dim; i += W) {
            vf y = v_take(n->x, n->x_dtype, first + i, end) * scale;
            y *= v_take(n->gain + head, CK_DTYPE_F32, i, n->head_dim);
            v_give(n->out, n->out_dtype, first + i, v_turned(n, row, i, y), end);
        }
    }
}

static void layer_norm_rotary(const ck_norm *n, ptrdiff_t first_row, ptrdiff_t end_row) {
    ptrdiff_t width = n->head_dim, heads = n->width / width;
    for (ptrdiff_t head = first_row * heads; head < end_row * heads; head++) {
        ptrdiff_t first = head * width, end = first + width;
        float mean = row_mean(n->x, n->x_dtype, first, width, 0);
        mean = row_mean(n->x, n->x_dtype, first, width, mean);
        float variance = row_squares(n->x, n->x_dtype, first, width, mean) / (float)width;
        vf scale = v_set(1 / sqrtf(variance + n->eps)), m = v_set(mean);
        for (ptrdiff_t i = 0; i < width; i += W) {
            vf y = (v_take(n->x, n->x_dtype, first + i, end) - m) * scale;
            y = v_fma(y, v_take(n->gain, CK_DTYPE_F32, i, width), v_take(n->offset, CK_DTYPE_F32, i, width));
            v_give(n->out, n->out_dtype, first + i, n->cosine ? v_turned(n, head / heads, i, y) : y, end);
        }
    }
}

static void rms_norm(const ck_norm *n, ptrdiff_t first_row, ptrdiff_t end_row) {
    for (ptrdiff_t row = first_row; row < end_row; row++) {
        ptrdiff_t first = row * n->width, end = first + n->width;
        vf scale = v_set(1 / sqrtf(row_squares(n->x, n->x_dtype, first, n->width, 0) / (float)n->width + n->eps));
        if (n->cosine) {
            rotate_row(n, row, scale);
            continue;
        }
        for (ptrdiff_t i = 0; i < n->width; i += W) {
            vf y = v_take(n->x, n->x_dtype, first + i, end) * scale * v_take(n->gain, CK_DTYPE_F32, i, n->width);
            v_give(n->out, n->out_dtype, first + i, y, end);
        }
    }
}

static void channel_norm(const ck_norm *n, ptrdiff_t first_row, ptrdiff_t end_row) {
    for (ptrdiff_t row = first_row; row < end_row; row++) {
        ptrdiff_t first = row * n->width, end = first + n->width;
        float norm = sqrtf(row_squares(n->x, n->x_dtype, first, n->width, 0));
        vf scale = v_set(sqrtf((float)n->width) / (norm > 1e-12f ? norm : 1e-12f));
        for (ptrdiff_t i = 0; i < n->width; i += W) {
            vf y = v_take(n->x, n->x_dtype, first + i, end) * scale * v_take(n->gain, CK_DTYPE_F32, i, n->width);
            v_give(n->out, n->out_dtype, first + i, n->silu ? v_silu(y) : y, end);
        }
    }
}

/// The sums are of differences from the first row, against cancellation.
static void column_statistics(const ck_norm *n, ptrdiff_t first_row, ptrdiff_t end_row, float *mean, float *squares) {
    vf count = v_set((float)(end_row - first_row));
    for (ptrdiff_t i = 0; i < n->width; i += W) {
        vf sum = v_set(0), square = v_set(0),
           base = v_take(n->x, n->x_dtype, first_row * n->width + i, (first_row + 1) * n->width);
        for (ptrdiff_t row = first_row; row < end_row; row++) {
            vf d = v_take(n->x, n->x_dtype, row * n->width + i, (row + 1) * n->width) - base;
            sum += d;
            square = v_fma(d, d, square);
        }
        vf shift = sum / count;
        v_give(mean, CK_DTYPE_F32, i, base + shift, n->width);
        v_give(squares, CK_DTYPE_F32, i, v_max(square - sum * shift, v_set(0)), n->width);
    }
}

/// The place whose vectors row `row` of x takes.
static ptrdiff_t nearest_place(const ck_places *p, ptrdiff_t row) {
    ptrdiff_t column = row % p->x_width, line = row / p->x_width % p->x_height, frame = row / p->x_width / p->x_height;
    ptrdiff_t own = !p->parts_first_frame ? frame * p->frames / p->x_frames
                    : frame == 0          ? 0
                                          : 1 + (frame - 1) * (p->frames - 1) / (p->x_frames - 1);
    return (own * p->height + line * p->height / p->x_height) * p->width + column * p->width / p->x_width;
}

static void scale_columns(const ck_norm *n, ptrdiff_t first_row, ptrdiff_t end_row) {
    for (ptrdiff_t row = first_row; row < end_row; row++) {
        ptrdiff_t first = row * n->width, end = first + n->width;
        ptrdiff_t place = n->places ? nearest_place(n->places, row) * n->width : 0, last = place + n->width;
        for (ptrdiff_t i = 0; i < n->width; i += W) {
            vf y = v_take(n->x, n->x_dtype, first + i, end) - v_take(n->mean, CK_DTYPE_F32, i, n->width);
            y = v_fma(y, v_take(n->gain, CK_DTYPE_F32, i, n->width), v_take(n->offset, CK_DTYPE_F32, i, n->width));
            if (n->places)
                y = v_fma(y, v_take(n->places->gain, CK_DTYPE_F32, place + i, last),
                          v_take(n->places->offset, CK_DTYPE_F32, place + i, last));
            v_give(n->out, n->out_dtype, first + i, n->silu ? v_silu(y) : y, end);
        }
    }
}
