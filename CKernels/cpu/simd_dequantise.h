#ifndef CK_SIMD_DEQUANTISE_H
#define CK_SIMD_DEQUANTISE_H
// Quantised numbers to f32, with the operations of the reference in its order: no product is fused with a sum.
//
// A block begins with its scales, as f16 or, of K types, as small numbers that are multiplied by an f16; where there is
// an offset too, it is kept the same way. ggml-quants.c has the layouts.
#include "simd.h"

#define EXACT _Pragma("clang fp contract(off)")
enum { block_most = 256 }; // numbers of a block

INLINE float half_at(const uint8_t *b) { return ck_f16_to_f32((uint16_t)(b[0] | b[1] << 8)); }

static void dequantise_q4_0(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b);
    for (int i = 0; i < 16; i++)
        out[i] = d * (float)((b[2 + i] & 15) - 8);
    for (int i = 0; i < 16; i++)
        out[16 + i] = d * (float)((b[2 + i] >> 4) - 8);
}

static void dequantise_q4_1(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b), m = half_at(b + 2);
    for (int i = 0; i < 16; i++)
        out[i] = d * (float)(b[4 + i] & 15) + m;
    for (int i = 0; i < 16; i++)
        out[16 + i] = d * (float)(b[4 + i] >> 4) + m;
}

/// The fifth bits of 32 numbers, each as 16 or 0.
INLINE void fifth_bits(const uint8_t *b, uint8_t high[32]) {
    uint32_t bits;
    memcpy(&bits, b, 4);
    for (int i = 0; i < 32; i++)
        high[i] = (uint8_t)((bits >> i & 1) << 4);
}

static void dequantise_q5_0(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b);
    uint8_t high[32];
    fifth_bits(b + 2, high);
    for (int i = 0; i < 16; i++)
        out[i] = d * (float)(((b[6 + i] & 15) | high[i]) - 16);
    for (int i = 0; i < 16; i++)
        out[16 + i] = d * (float)((b[6 + i] >> 4 | high[16 + i]) - 16);
}

static void dequantise_q5_1(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b), m = half_at(b + 2);
    uint8_t high[32];
    fifth_bits(b + 4, high);
    for (int i = 0; i < 16; i++)
        out[i] = d * (float)((b[8 + i] & 15) | high[i]) + m;
    for (int i = 0; i < 16; i++)
        out[16 + i] = d * (float)(b[8 + i] >> 4 | high[16 + i]) + m;
}

static void dequantise_q8_0(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b);
    for (int i = 0; i < 32; i++)
        out[i] = d * (float)(int8_t)b[2 + i];
}

/// Scales and offsets of 4 bits each for 16 numbers, 2 bits a number, then their two factors.
static void dequantise_q2_k(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b + 80), least = half_at(b + 82);
    for (int i = 0; i < 16; i++) {
        const uint8_t *q = b + 16 + i / 8 * 32 + i % 2 * 16;
        float scale = d * (float)(b[i] & 15), offset = least * (float)(b[i] >> 4);
        int shift = i % 8 / 2 * 2;
        for (int j = 0; j < 16; j++)
            out[i * 16 + j] = scale * (float)(q[j] >> shift & 3) - offset;
    }
}

/// A third bit for each number, which says that 4 is not to be taken off, 2 bits a number, 16 scales of 6 bits.
static void dequantise_q3_k(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b + 108);
    for (int i = 0; i < 16; i++) {
        const uint8_t *high = b + i % 2 * 16, *q = b + 32 + i / 8 * 32 + i % 2 * 16, *s = b + 96;
        int shift = i % 8 / 2 * 2, bit = i / 2;
        float scale = d * (float)(((s[i % 8] >> i / 8 * 4 & 15) | (s[8 + i % 4] >> i / 4 * 2 & 3) << 4) - 32);
        for (int j = 0; j < 16; j++)
            out[i * 16 + j] = scale * (float)((q[j] >> shift & 3) - (high[j] >> bit & 1 ? 0 : 4));
    }
}

/// The scale and offset, of 6 bits each, for numbers 32 i to 32 i + 31 of a block.
INLINE void six_bits(const uint8_t *s, int i, int *scale, int *offset) {
    *scale = i < 4 ? s[i] & 63 : (s[i + 4] & 15) | s[i - 4] >> 6 << 4;
    *offset = i < 4 ? s[i + 4] & 63 : s[i + 4] >> 4 | s[i] >> 6 << 4;
}

static void dequantise_q4_k(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b), least = half_at(b + 2);
    for (int i = 0; i < 8; i++) {
        const uint8_t *q = b + 16 + i / 2 * 32;
        int s, m, shift = i % 2 * 4;
        six_bits(b + 4, i, &s, &m);
        float scale = d * (float)s, offset = least * (float)m;
        for (int j = 0; j < 32; j++)
            out[i * 32 + j] = scale * (float)(q[j] >> shift & 15) - offset;
    }
}

static void dequantise_q5_k(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b), least = half_at(b + 2);
    for (int i = 0; i < 8; i++) {
        const uint8_t *high = b + 16, *q = b + 48 + i / 2 * 32;
        int s, m, shift = i % 2 * 4;
        six_bits(b + 4, i, &s, &m);
        float scale = d * (float)s, offset = least * (float)m;
        for (int j = 0; j < 32; j++)
            out[i * 32 + j] = scale * (float)((q[j] >> shift & 15) | (high[j] >> i & 1) << 4) - offset;
    }
}

/// 4 bits a number, 2 more, then 16 scales of 8 bits.
static void dequantise_q6_k(const uint8_t *b, float *out) {
    EXACT
    float d = half_at(b + 208);
    for (int i = 0; i < 16; i++) {
        const uint8_t *q = b + i / 8 * 64 + i % 4 * 16, *high = b + 128 + i / 8 * 32 + i % 2 * 16;
        int shift = i % 8 / 4 * 4, pair = i % 8 / 2 * 2;
        float scale = d * (float)(int8_t)b[192 + i];
        for (int j = 0; j < 16; j++)
            out[i * 16 + j] = scale * (float)(((q[j] >> shift & 15) | (high[j] >> pair & 3) << 4) - 32);
    }
}

/// What 4 bits stand for: levels that lie closer where weights are more.
static const int8_t uneven_levels[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

INLINE void dequantise_uneven(const uint8_t *q, float scale, float *out) {
    EXACT
    for (int i = 0; i < 16; i++)
        out[i] = scale * (float)uneven_levels[q[i] & 15];
    for (int i = 0; i < 16; i++)
        out[16 + i] = scale * (float)uneven_levels[q[i] >> 4];
}

static void dequantise_iq4_nl(const uint8_t *b, float *out) { dequantise_uneven(b + 2, half_at(b), out); }

/// The upper 2 bits of 8 scales, their lower 4 bits, then 4 bits a number.
static void dequantise_iq4_xs(const uint8_t *b, float *out) {
    float d = half_at(b);
    for (int i = 0; i < 8; i++) {
        int scale = (b[4 + i / 2] >> i % 2 * 4 & 15) | (b[2 + i / 4] >> i % 4 * 2 & 3) << 4;
        dequantise_uneven(b + 8 + i * 16, d * (float)(scale - 32), out + i * 32);
    }
}

/// W numbers of 8 bits: e5m2 is the upper half of an f16, e4m3 one of which the exponent is 8 too small.
INLINE vf from_byte(const uint8_t *x, ck_format format) {
    typedef uint8_t vb __attribute__((vector_size(CK_WIDTH)));
    vb bytes;
    memcpy(&bytes, x, sizeof bytes);
    if (format == CK_FORMAT_INT8) {
        typedef int8_t vs __attribute__((vector_size(CK_WIDTH)));
        return __builtin_convertvector((vs)bytes, vf);
    }
    vh wide = __builtin_convertvector(bytes, vh);
    if (format == CK_FORMAT_E5M2)
        return v_from_f16(wide << 8);
    vf value = v_from_f16((wide & 0x80) << 8 | (wide & 0x7f) << 7) * v_set(256);
    vu is_nan = (vu)((__builtin_convertvector(wide, vu) & 0x7f) == 0x7f);
    return (vf)((vu)value | (is_nan & 0x7fc00000));
}

static void dequantise_bytes(const ck_quantised *w, ptrdiff_t row, ptrdiff_t first, ptrdiff_t end, float *out) {
    const uint8_t *x = (const uint8_t *)w->data + row * w->columns;
    ptrdiff_t runs = w->scales ? ck_ceil_div(w->columns, w->scale_columns) : 1;
    while (first < end) {
        ptrdiff_t run = w->scales ? first / w->scale_columns : 0;
        ptrdiff_t stop = w->scales ? ck_min(end, (run + 1) * w->scale_columns) : end;
        vf scale = v_set(w->scales ? w->scales[(row + w->scale_rows_above) / w->scale_rows * runs + run] : 1);
        for (; first + W <= stop; first += W, out += W)
            v_store(out, from_byte(x + first, w->format) * scale);
        if (first < stop) {
            uint8_t last[W] = {0};
            memcpy(last, x + first, (size_t)(stop - first));
            v_put_part(out, CK_DTYPE_F32, 0, from_byte(last, w->format) * scale, stop - first);
            out += stop - first;
            first = stop;
        }
    }
}

/// Columns first..<end of a row; both are multiples of a block.
static void dequantise(const ck_quantised *w, ptrdiff_t row, ptrdiff_t first, ptrdiff_t end, float *out) {
#define CASE(format, type)                                                                                             \
    case format:                                                                                                       \
        for (; first < end; first += size, out += size, b += bytes)                                                    \
            dequantise_##type(b, out);                                                                                 \
        break
    ptrdiff_t size = ck_format_numbers(w->format), bytes = ck_format_bytes(w->format);
    const uint8_t *b = (const uint8_t *)w->data + (row * w->columns + first) / size * bytes;
    switch (w->format) {
        CASE(CK_FORMAT_Q4_0, q4_0);
        CASE(CK_FORMAT_Q4_1, q4_1);
        CASE(CK_FORMAT_Q5_0, q5_0);
        CASE(CK_FORMAT_Q5_1, q5_1);
        CASE(CK_FORMAT_Q8_0, q8_0);
        CASE(CK_FORMAT_Q2_K, q2_k);
        CASE(CK_FORMAT_Q3_K, q3_k);
        CASE(CK_FORMAT_Q4_K, q4_k);
        CASE(CK_FORMAT_Q5_K, q5_k);
        CASE(CK_FORMAT_Q6_K, q6_k);
        CASE(CK_FORMAT_IQ4_NL, iq4_nl);
        CASE(CK_FORMAT_IQ4_XS, iq4_xs);
    case CK_FORMAT_E4M3:
    case CK_FORMAT_E5M2:
    case CK_FORMAT_INT8:
        dequantise_bytes(w, row, first, end, out);
    }
#undef CASE
}

#endif
