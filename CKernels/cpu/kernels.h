// What the C files of this folder share.
#ifndef CK_CPU_KERNELS_H
#define CK_CPU_KERNELS_H

#include "ckernels.h"
#include <math.h>
#include <string.h>

/// At least `bytes` of page-aligned memory of one thread, valid until its next request. NULL when there is none.
void *ck_scratch(ck_pool *pool, int thread, size_t bytes);
/// The same for memory that all threads share.
void *ck_shared_scratch(ck_pool *pool, size_t bytes);

/// A call of ck_attention, cut into units (a head of a group) and blocks of their queries and keys.
typedef struct ck_attention_plan {
    ck_attention_call call;
    ptrdiff_t step; // from a token to the next one of its group
    ptrdiff_t query_block, key_block;
    ptrdiff_t parts; // blocks of keys that a block of queries meets at once, up to four
} ck_attention_plan;

/// A norm over rows; each function uses what it needs.
typedef struct ck_norm {
    void *out;
    const void *x;
    ck_dtype out_dtype, x_dtype;
    const float *gain, *offset, *cosine, *sine;
    const float *mean; // of a group norm, for each channel
    const ck_places *places;
    ptrdiff_t rows, width, head_dim;
    float eps;
    bool silu;
} ck_norm;

/// An elementwise operation; each function uses what it needs.
typedef struct ck_elements {
    void *out;
    const void *x, *y;
    ck_dtype out_dtype, x_dtype;
    ptrdiff_t count;
    const float *const *terms;
    const float *factors;
    ptrdiff_t term_count;
} ck_elements;

/// A matrix product or a convolution, and how it is cut into blocks. The rows of a matrix are the pixels of one frame.
typedef struct ck_gemm_plan {
    void *out;
    const void *const *frames; // of x; NULL for zeros
    ck_dtype out_dtype, x_dtype;
    ck_window window;
    ptrdiff_t height, width;          // of a frame of out
    ptrdiff_t channels, pixel_stride; // numbers of a pixel, and from it to the next one
    ptrdiff_t kernel[3];              // extent in time, height and width
    const void *w;                    // for gemm_dot: [n, channels]
    ptrdiff_t w_stride;               // from a row of w to the next one
    ck_dtype w_dtype;
    ptrdiff_t w_first;             // the row of the matrix that w begins with
    const ck_quantised *quantised; // the matrix in w's place, or NULL
    ptrdiff_t first_channel;       // of its row that is multiplied
    ptrdiff_t group;               // of its levels that share a scale; 0 where it is multiplied as f32
    const float *bias, *gate;
    ck_epilogue epilogue;
    ptrdiff_t m, n;
    const float *packed; // [kernel[0]] slices in time of the columns packed_first..<packed_end
    const float *packed_scales;
    ptrdiff_t packed_first, packed_end;
    ptrdiff_t row_count, column_count; // of a block
    bool grows;                        // for strassen_block: out holds sums of former parts of the depth
} ck_gemm_plan;

/// Multiplies all rows by the packed columns; blocks are its matter. False when scratch memory cannot be had.
bool ck_multiply_packed(const ck_gemm_plan *plan, ck_pool *pool);

/// Whether ck_strassen is the faster way.
bool ck_takes_strassen(const ck_gemm_plan *plan, const ck_pool *pool);

/// A product of rows x and of w, both f32 sums, by 49 products in the place of 64.
bool ck_strassen(const ck_gemm_plan *plan, const float *x, ck_pool *pool);

/// A call of ck_winograd, cut into blocks: tiles of 2 x 2 results by columns.
typedef struct ck_winograd_plan {
    ck_winograd_call call;
    ptrdiff_t times; // slices that are left when some are folded
    ptrdiff_t tile_rows, tile_columns;
    float *packed; // the kernel's columns packed_first..<packed_end, transformed
    ptrdiff_t packed_first, packed_end;
    ptrdiff_t row_count, column_count; // of a block
} ck_winograd_plan;

enum {
    ck_column_step = 32, // a multiple of every panel's width
    dot_columns = 64     // most columns that gemm_dot computes at once
};

/// The inner loops, compiled once for each instruction set.
struct ck_kernels {
    /// Scratch memory of attend_block, in bytes.
    size_t (*attention_bytes)(const ck_attention_plan *plan);
    /// Size of one packed block of keys and values, in floats.
    ptrdiff_t (*attention_packed)(const ck_attention_plan *plan);
    /// Packs the keys and values of one block.
    void (*attention_pack)(const ck_attention_plan *plan, ptrdiff_t unit, ptrdiff_t block, float *packed);
    /// One block of queries; `packed` has all blocks of keys and values, or is NULL.
    void (*attend_block)(const ck_attention_plan *plan, ptrdiff_t unit, ptrdiff_t block, const float *packed,
                         float *scratch);
    /// Up to how many keys of a unit attend_short is the faster one.
    ptrdiff_t (*short_keys)(const ck_attention_plan *plan);
    /// Scratch memory of attend_short, in bytes.
    size_t (*short_bytes)(const ck_attention_plan *plan);
    /// Blocks first..<end of queries, those of a unit in turn, where one block has all keys.
    void (*attend_short)(const ck_attention_plan *plan, ptrdiff_t first, ptrdiff_t end, ptrdiff_t query_blocks,
                         float *scratch);

    /// Floats that so many packed columns of one slice in time take.
    ptrdiff_t (*gemm_packed)(const ck_gemm_plan *plan, ptrdiff_t columns);
    /// Packs rows of w as columns of one slice in time, the first of them a multiple of ck_column_step.
    void (*gemm_pack)(const ck_gemm_plan *plan, float *packed, const void *w, ck_dtype dtype, ptrdiff_t columns);
    /// Scratch memory of gemm_block, in bytes.
    size_t (*gemm_bytes)(const ck_gemm_plan *plan);
    /// The block of out that begins at (row, column).
    void (*gemm_block)(const ck_gemm_plan *plan, ptrdiff_t row, ptrdiff_t column, float *scratch);
    /// All rows of a few columns, without packing.
    void (*gemm_dot)(const ck_gemm_plan *plan, ptrdiff_t column, ptrdiff_t end);
    /// Rows first..<end of out from their sums [m, n].
    void (*gemm_finish_rows)(const ck_gemm_plan *plan, const float *sums, ptrdiff_t first, ptrdiff_t end);

    int strassen_columns, strassen_step, strassen_row_step;
    /// Floats that so many packed columns take, a multiple of strassen_columns.
    ptrdiff_t (*strassen_packed)(const ck_gemm_plan *plan, ptrdiff_t columns);
    /// Scratch memory of strassen_pack, in bytes.
    size_t (*strassen_pack_bytes)(void);
    /// Packs strassen_columns columns of w, strassen_step places from `first` on of each part of the depth.
    void (*strassen_pack)(const ck_gemm_plan *plan, float *packed, ptrdiff_t column, ptrdiff_t first, float *scratch);
    /// Scratch memory of strassen_block, in bytes.
    size_t (*strassen_bytes)(const ck_gemm_plan *plan);
    /// The block of out that begins at (row, column).
    void (*strassen_block)(const ck_gemm_plan *plan, ptrdiff_t row, ptrdiff_t column, float *scratch);

    /// Floats that so many columns of a transformed kernel take.
    ptrdiff_t (*winograd_packed)(const ck_winograd_plan *plan, ptrdiff_t columns);
    /// Scratch memory of winograd_pack, in bytes.
    size_t (*winograd_pack_bytes)(const ck_winograd_plan *plan);
    /// Transforms channels first..<end of the panel of columns that begins at `column`.
    void (*winograd_pack)(const ck_winograd_plan *plan, ptrdiff_t column, ptrdiff_t first, ptrdiff_t end,
                          float *scratch);
    /// Scratch memory of winograd_block, in bytes.
    size_t (*winograd_bytes)(const ck_winograd_plan *plan);
    /// The block of results that begins at tile `row` of all frames and at `column`.
    void (*winograd_block)(const ck_winograd_plan *plan, ptrdiff_t row, ptrdiff_t column, float *scratch);
    ptrdiff_t panel; // columns that are packed together

    /// Columns first..<end of a row as f32; both are multiples of a block.
    void (*dequantise)(const ck_quantised *w, ptrdiff_t row, ptrdiff_t first, ptrdiff_t end, float *out);
    /// How many levels of a row share a scale; 0 where the matrix has to be multiplied as f32.
    ptrdiff_t (*levels_group)(const ck_quantised *w);
    /// Floats that so many packed columns of levels take.
    ptrdiff_t (*levels_packed)(const ck_gemm_plan *plan, ptrdiff_t columns);
    /// Scratch memory of levels_pack, in bytes.
    size_t (*levels_pack_bytes)(const ck_gemm_plan *plan);
    /// Packs levels and scales of `columns` rows of the matrix from `first` on, a multiple of ck_column_step.
    void (*levels_pack)(const ck_gemm_plan *plan, float *packed, float *scales, ptrdiff_t first, ptrdiff_t columns,
                        void *scratch);
    size_t (*levels_bytes)(const ck_gemm_plan *plan);
    void (*levels_block)(const ck_gemm_plan *plan, ptrdiff_t row, ptrdiff_t column, float *scratch);

    /// A number that depends on `rounds` rounds of multiply_add_width multiplications and additions.
    float (*multiply_add)(const float *factors, ptrdiff_t rounds);
    int multiply_add_width;

    // Rows or elements first..<end.
    void (*layer_norm)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end);
    void (*layer_norm_rotary)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end);
    void (*rms_norm)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end);
    void (*channel_norm)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end);
    /// Mean and sum of squared differences from it, over the rows of each column.
    void (*column_statistics)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end, float *mean, float *squares);
    /// out = (x - mean) · gain + offset, where those belong to columns, then what belongs to places.
    void (*scale_columns)(const ck_norm *norm, ptrdiff_t first, ptrdiff_t end);
    void (*convert)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
    void (*add)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
    void (*silu)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
    void (*gelu_erf)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
    void (*gelu_quick)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
    void (*gelu_tanh)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
    void (*gelu_gate)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
    /// Sets the byte at out where an element is no finite number.
    void (*flag_non_finite)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
    void (*combine)(const ck_elements *elements, ptrdiff_t first, ptrdiff_t end);
};

extern const struct ck_kernels ck_kernels_baseline;
#if defined(__x86_64__)
extern const struct ck_kernels ck_kernels_avx2, ck_kernels_avx512, ck_kernels_avx512_bf16;
#endif

/// Those of the level in use.
const struct ck_kernels *ck_kernels(const ck_pool *pool);

static inline size_t ck_size(ck_dtype dtype) { return dtype == CK_DTYPE_F32 ? 4 : dtype == CK_DTYPE_U8 ? 1 : 2; }

static inline ptrdiff_t ck_min(ptrdiff_t a, ptrdiff_t b) { return a < b ? a : b; }
static inline ptrdiff_t ck_max(ptrdiff_t a, ptrdiff_t b) { return a > b ? a : b; }
static inline ptrdiff_t ck_ceil_div(ptrdiff_t a, ptrdiff_t b) { return (a + b - 1) / b; }
/// The largest of so many parts, multiples of `step`.
static inline ptrdiff_t ck_even_part(ptrdiff_t whole, ptrdiff_t parts, ptrdiff_t step) {
    return ck_ceil_div(ck_ceil_div(whole, parts), step) * step;
}

static inline float ck_bf16_to_f32(uint16_t x) {
    uint32_t bits = (uint32_t)x << 16;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint16_t ck_f32_to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    if ((bits & 0x7fffffff) > 0x7f800000)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

static inline float ck_f16_to_f32(uint16_t x) {
    uint32_t sign = (uint32_t)(x & 0x8000) << 16, exponent = x >> 10 & 31, mantissa = x & 0x3ff, bits;
    if (exponent == 0) {
        float value = (float)mantissa * 0x1p-24f;
        return sign ? -value : value;
    }
    bits = sign | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | mantissa << 13;
    float value;
    memcpy(&value, &bits, 4);
    return value;
}

static inline uint16_t ck_f32_to_f16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, 4);
    uint32_t sign = bits >> 16 & 0x8000, magnitude = bits & 0x7fffffff;
    if (magnitude > 0x7f800000)
        return (uint16_t)(sign | 0x7e00 | (magnitude >> 13 & 0x1ff));
    if (magnitude >= 0x47800000)
        return (uint16_t)(sign | 0x7c00);
    if (magnitude < 0x38800000) {
        // Subnormal: adding 0.5 puts the last kept bit at the end of the mantissa, rounded to nearest even.
        float value;
        memcpy(&value, &magnitude, 4);
        value += 0.5f;
        uint32_t rounded;
        memcpy(&rounded, &value, 4);
        return (uint16_t)(sign | (rounded - 0x3f000000));
    }
    magnitude += 0xfff + (magnitude >> 13 & 1);
    return (uint16_t)(sign | (magnitude - 0x38000000) >> 13);
}

static inline float ck_load(const void *x, ck_dtype dtype, ptrdiff_t i) {
    if (dtype == CK_DTYPE_F32)
        return ((const float *)x)[i];
    uint16_t half = ((const uint16_t *)x)[i];
    return dtype == CK_DTYPE_BF16 ? ck_bf16_to_f32(half) : ck_f16_to_f32(half);
}

static inline void ck_store(void *x, ck_dtype dtype, ptrdiff_t i, float value) {
    if (dtype == CK_DTYPE_F32)
        ((float *)x)[i] = value;
    else
        ((uint16_t *)x)[i] = dtype == CK_DTYPE_BF16 ? ck_f32_to_bf16(value) : ck_f32_to_f16(value);
}

#endif
