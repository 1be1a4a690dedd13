#ifndef CK_SIMD_H
#define CK_SIMD_H
// Vectors of CK_WIDTH floats, written once for every instruction set. The including file has set CK_WIDTH (4, 8, 16),
// CK_HALF (hardware f16 conversion), CK_PAIRS (hardware dot products of bf16 pairs), CK_VNNI (of pairs of 16-bit
// numbers, added to 32-bit ones) and the compiler's target.
#include "kernels.h"

#define UNROLL _Pragma("clang loop unroll(full)")
#define INLINE static inline __attribute__((always_inline, unused))

enum { W = CK_WIDTH };

typedef float vf __attribute__((vector_size(CK_WIDTH * 4)));
typedef uint32_t vu __attribute__((vector_size(CK_WIDTH * 4)));
typedef uint16_t vh __attribute__((vector_size(CK_WIDTH * 2)));
typedef vf vf_memory __attribute__((aligned(1), may_alias));
typedef vh vh_memory __attribute__((aligned(1), may_alias));

INLINE vf v_set(float x) { return x - (vf){0}; }
INLINE vf v_load(const void *x) { return *(const vf_memory *)x; }
INLINE void v_store(void *out, vf x) { *(vf_memory *)out = x; }
/// The larger one; b where one of them is no number.
INLINE vf v_max(vf a, vf b) {
#if CK_WIDTH == 16
    return (vf)_mm512_max_ps((__m512)a, (__m512)b);
#elif CK_WIDTH == 8
    return (vf)_mm256_max_ps((__m256)a, (__m256)b);
#else
    vu larger = (vu)(a > b);
    return (vf)(((vu)a & larger) | ((vu)b & ~larger));
#endif
}
INLINE vf v_min(vf a, vf b) { return __builtin_elementwise_min(a, b); }
INLINE vf v_select(vu mask, vf a, vf b) { return (vf)(((vu)a & mask) | ((vu)b & ~mask)); }

INLINE vf v_fma(vf a, vf b, vf c) {
#if CK_WIDTH > 4 || defined(__aarch64__)
    return __builtin_elementwise_fma(a, b, c);
#else
    return a * b + c;
#endif
}

INLINE float v_sum(vf x) {
    float sum[W];
    memcpy(sum, &x, sizeof sum);
    UNROLL for (int half = W / 2; half > 0; half /= 2) {
        UNROLL for (int i = 0; i < half; i++) sum[i] += sum[i + half];
    }
    return sum[0];
}

INLINE float v_largest(vf x) {
    float most[W];
    memcpy(most, &x, sizeof most);
    UNROLL for (int half = W / 2; half > 0; half /= 2) {
        UNROLL for (int i = 0; i < half; i++) most[i] = most[i] > most[i + half] ? most[i] : most[i + half];
    }
    return most[0];
}

INLINE vf v_from_bf16(vh x) { return (vf)(__builtin_convertvector(x, vu) << 16); }

INLINE vh v_to_bf16(vf x) {
#if CK_PAIRS
    return (vh)_mm512_cvtneps_pbh((__m512)x);
#else
    vu bits = (vu)x, nan = (vu)(x != x);
    vu rounded = (bits + 0x7fff + (bits >> 16 & 1)) >> 16;
    return __builtin_convertvector((rounded & ~nan) | ((bits >> 16 | 0x40) & nan), vh);
#endif
}

INLINE vf v_from_f16(vh x) {
#if CK_HALF && CK_WIDTH == 16
    return (vf)_mm512_cvtph_ps((__m256i)x);
#elif CK_HALF
    return (vf)_mm256_cvtph_ps((__m128i)x);
#else
    float values[W];
    for (int i = 0; i < W; i++)
        values[i] = ck_f16_to_f32(x[i]);
    return v_load(values);
#endif
}

INLINE vh v_to_f16(vf x) {
#if CK_HALF && CK_WIDTH == 16
    return (vh)_mm512_cvtps_ph((__m512)x, _MM_FROUND_TO_NEAREST_INT);
#elif CK_HALF
    return (vh)_mm256_cvtps_ph((__m256)x, _MM_FROUND_TO_NEAREST_INT);
#else
    vh half;
    for (int i = 0; i < W; i++)
        half[i] = ck_f32_to_f16(x[i]);
    return half;
#endif
}

/// Elements i..<i + W of an array of any floating dtype.
INLINE vf v_get(const void *x, ck_dtype dtype, ptrdiff_t i) {
    if (dtype == CK_DTYPE_F32)
        return v_load((const float *)x + i);
    vh half = *(const vh_memory *)((const uint16_t *)x + i);
    return dtype == CK_DTYPE_BF16 ? v_from_bf16(half) : v_from_f16(half);
}

INLINE void v_put(void *out, ck_dtype dtype, ptrdiff_t i, vf x) {
    if (dtype == CK_DTYPE_F32)
        v_store((float *)out + i, x);
    else
        *(vh_memory *)((uint16_t *)out + i) = dtype == CK_DTYPE_BF16 ? v_to_bf16(x) : v_to_f16(x);
}

/// Elements i..<i + count, zeros behind them; 0 < count < W.
INLINE vf v_get_part(const void *x, ck_dtype dtype, ptrdiff_t i, ptrdiff_t count) {
#if CK_WIDTH == 16
    uint16_t lanes = (uint16_t)((1u << count) - 1);
    if (dtype == CK_DTYPE_F32)
        return (vf)_mm512_maskz_loadu_ps(lanes, (const float *)x + i);
    vh half = (vh)_mm256_maskz_loadu_epi16(lanes, (const uint16_t *)x + i);
    return dtype == CK_DTYPE_BF16 ? v_from_bf16(half) : v_from_f16(half);
#else
    float values[W] = {0};
    size_t size = ck_size(dtype);
    memcpy(values, (const char *)x + (size_t)i * size, (size_t)count * size);
    return v_get(values, dtype, 0);
#endif
}

INLINE void v_put_part(void *out, ck_dtype dtype, ptrdiff_t i, vf x, ptrdiff_t count) {
#if CK_WIDTH == 16
    uint16_t lanes = (uint16_t)((1u << count) - 1);
    if (dtype == CK_DTYPE_F32)
        _mm512_mask_storeu_ps((float *)out + i, lanes, (__m512)x);
    else
        _mm256_mask_storeu_epi16((uint16_t *)out + i, lanes,
                                 (__m256i)(dtype == CK_DTYPE_BF16 ? v_to_bf16(x) : v_to_f16(x)));
#else
    float values[W];
    size_t size = ck_size(dtype);
    v_put(values, dtype, 0, x);
    memcpy((char *)out + (size_t)i * size, values, (size_t)count * size);
#endif
}

/// Elements i..<i + W of a row that ends at `end`, zeros behind it; and their counterpart.
INLINE vf v_take(const void *x, ck_dtype dtype, ptrdiff_t i, ptrdiff_t end) {
    return i + W <= end ? v_get(x, dtype, i) : v_get_part(x, dtype, i, end - i);
}

INLINE void v_give(void *out, ck_dtype dtype, ptrdiff_t i, vf x, ptrdiff_t end) {
    if (i + W <= end)
        v_put(out, dtype, i, x);
    else
        v_put_part(out, dtype, i, x, end - i);
}

/// The first `count` lanes of x, then those of `rest`.
INLINE vf v_first(vf x, ptrdiff_t count, vf rest) {
    int32_t lane[W];
    UNROLL for (int i = 0; i < W; i++) lane[i] = i;
    vu index;
    memcpy(&index, lane, sizeof index);
    return v_select((vu)(index < (uint32_t)count), x, rest);
}

/// 2ˣ of some vectors, step by step together, as one alone mostly waits for itself. The relative error is below 1.7e-7,
/// or 1e-4 when `coarse`; less than the smallest normal number where that is, 0 below -127. x < 128.
INLINE void v_exp2_all(vf *x, const int count, const bool coarse) {
    // Minimax on ±1/2, exact at 0.
    static const float fine[] = {0x1.5bba18p-10f, 0x1.3cea88p-7f, 0x1.c6b752p-5f, 0x1.ebf9bcp-3f, 0x1.62e42ap-1f, 1};
    static const float rough[] = {0x1.c2a218p-5f, 0x1.f00c4cp-3f, 0x1.62f5fap-1f, 1};
    enum { most = 4 };
    const vf round = v_set(0x1.8p23f);
    vf whole[most], y[most];
    UNROLL for (int i = 0; i < count; i++) x[i] = v_max(v_set(-127), x[i]);
    UNROLL for (int i = 0; i < count; i++) whole[i] = x[i] + round;
    UNROLL for (int i = 0; i < count; i++) x[i] -= whole[i] - round;
    UNROLL for (int i = 0; i < count; i++) y[i] = v_set(coarse ? rough[0] : fine[0]);
    UNROLL for (int k = 1; k < (coarse ? 4 : 6); k++) {
        UNROLL for (int i = 0; i < count; i++) y[i] = v_fma(y[i], x[i], v_set(coarse ? rough[k] : fine[k]));
    }
    UNROLL for (int i = 0; i < count; i++) x[i] = (vf)((vu)y[i] + ((vu)whole[i] << 23));
}

INLINE vf v_exp2(vf x, const bool coarse) {
    v_exp2_all(&x, 1, coarse);
    return x;
}

/// eˣ with a relative error below 2e-7; infinity above 88.72, 0 below -86.
INLINE vf v_exp(vf x) {
    const vf round = v_set(0x1.8p23f);
    vf whole = v_fma(x, v_set(0x1.715476p0f), round);
    vf n = whole - round;
    // ln 2 in two parts, the first with few bits: n ln 2 is subtracted without error.
    vf r = v_fma(n, v_set(-0x1.62e400p-1f), x);
    r = v_fma(n, v_set(-0x1.7f7d1cp-20f), r);
    // Minimax on ±ln(2) / 2.
    vf y = v_set(0x1.6a2352p-10f);
    y = v_fma(y, r, v_set(0x1.123a6cp-7f));
    y = v_fma(y, r, v_set(0x1.5558f4p-5f));
    y = v_fma(y, r, v_set(0x1.555490p-3f));
    y = v_fma(y, r, v_set(0x1.fffffcp-2f));
    y = v_fma(y, r * r, r) + 1;
    // 2ⁿ in two steps, because n may be 128.
    vf power = (vf)((vu)y + ((vu)(whole - 1) << 23)) * 2;
    power = v_select((vu)(x < -86.0f), v_set(0), power);
    return v_select((vu)(x > 88.72f), v_set(INFINITY), power);
}

/// x / (1 + e⁻ˣ)
INLINE vf v_silu(vf x) { return x / (v_exp(-x) + 1); }

/// x / (1 + e⁻²ᵘ), which is x (1 + tanh u) / 2, with u = √(2/π) (x + 0.044715 x³)
INLINE vf v_gelu(vf x) {
    vf cube = x * x * x;
    vf u = v_fma(cube, v_set(0.044715f), x) * v_set(-1.5957691216f);
    return x / (v_exp(u) + 1);
}

/// x Φ(x). With z = |x| / √2 and t = 1 / (1 + p z), Φ(-|x|) is the polynomial in t times e^-z² / 2
/// (Abramowitz and Stegun 7.1.26, absolute error 1.5e-7).
INLINE vf v_gelu_erf(vf x) {
    vf z = v_select((vu)(x < 0), -x, x) * v_set(0.70710678f);
    vf t = 1 / v_fma(z, v_set(0.3275911f), v_set(1));
    vf y = v_set(1.061405429f);
    y = v_fma(y, t, v_set(-1.453152027f));
    y = v_fma(y, t, v_set(1.421413741f));
    y = v_fma(y, t, v_set(-0.284496736f));
    y = v_fma(y, t, v_set(0.254829592f));
    vf below = y * t * v_exp(-z * z) * v_set(0.5f);
    return x * v_select((vu)(x < 0), below, 1 - below);
}

/// x / (1 + e^-1.702x)
INLINE vf v_gelu_quick(vf x) { return x / (v_exp(x * v_set(-1.702f)) + 1); }

#endif
