// The CPU kernels: numbers in, numbers out; they know no model.
//
// Order of arguments: out, in, vectors, sizes, pool. Arrays are dense and row-major unless a stride is named; sizes
// count elements. Arrays named `float *` are f32; a `void *` is followed by its dtype. Nothing is kept after a call but
// scratch memory inside the pool. Sizes may be zero. The caller has checked that all sizes fit the arrays.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// How one element is stored. f16 is for storage: only conversions, tables and matrices read it.
typedef enum ck_dtype { CK_DTYPE_F32, CK_DTYPE_BF16, CK_DTYPE_F16, CK_DTYPE_U8 } ck_dtype;

// ---- Instruction sets

/// Each level contains those before it. AVX2 means AVX2 + FMA + F16C; AVX512 means F + BW + DQ + VL.
typedef enum ck_isa { CK_ISA_BASELINE, CK_ISA_AVX2, CK_ISA_AVX512, CK_ISA_AVX512_BF16 } ck_isa;

/// The highest level of this CPU.
ck_isa ck_isa_best(void);
/// "baseline", "avx2", "avx512", "avx512-bf16".
const char *ck_isa_name(ck_isa level);

// ---- Threads

/// Threads that share the work of one caller at a time. Idle threads spin for some microseconds, then sleep.
typedef struct ck_pool ck_pool;

/// `threads` counts the caller (at least 1). What runs on the pool uses the instructions of `level`, or of the highest
/// level that this CPU has if that is lower. NULL when memory or threads cannot be had. The caller destroys it.
ck_pool *ck_pool_create(int threads, ck_isa level);
void ck_pool_destroy(ck_pool *pool);
int ck_pool_threads(const ck_pool *pool);
ck_isa ck_pool_isa(const ck_pool *pool);
/// From now on nothing runs on the pool, and outputs keep what they held: for whoever only wants to see what would be
/// computed.
void ck_pool_rest(ck_pool *pool);

/// One piece of work; `thread` is in 0..<threads and constant during the call.
typedef void (*ck_body)(void *context, ptrdiff_t index, int thread);
/// Calls `body` once for each index in 0..<count, in any order, and returns when all are done. Not from inside a body.
void ck_parallel_for(ck_pool *pool, ptrdiff_t count, ck_body body, void *context);

/// Multiplies and adds in registers alone, `pieces` times on all threads together, each time some microseconds, and
/// returns the number of operations, two for a multiplication and its addition; 0 when scratch memory cannot be had.
double ck_multiply_adds(ptrdiff_t pieces, ck_pool *pool);

// ---- Memory

/// Memory from the system that begins at a multiple of 2 MB, in pages of that size where it has them; munmap gives it
/// back. NULL when there is none.
void *ck_pages_map(size_t bytes);

/// The pages of `from`, as many whole ones of 2 MB as `bytes` are, become those of `to`, with what is in them.
///
/// Both are from ck_pages_map. Gives the bytes that are no longer at `from`, which are fewer where the system refuses,
/// and -1 where `to` has lost a page besides.
ptrdiff_t ck_pages_move(void *to, void *from, size_t bytes);

// ---- Matrix products, convolutions, attention

/// What happens to a matrix product y before it is stored.
typedef enum ck_epilogue {
    CK_EPILOGUE_NONE,
    CK_EPILOGUE_GELU, ///< tanh approximation
    CK_EPILOGUE_SILU,
    CK_EPILOGUE_ADD,      ///< out += y
    CK_EPILOGUE_GATED_ADD ///< out += gate · y
} ck_epilogue;

/// out [m, n] = epilogue(x [m, k] · w [n, k]ᵀ + bias [n]).
///
/// x f32 or bf16: the products are of that dtype, sums are f32. w f32, bf16 or f16 as a checkpoint stores it, converted
/// block by block on its way into the cache. out f32 or bf16. bias and gate [n] may be NULL where they do not apply.
/// Where x has 1024 rows or more, AVX2 computes f32 by Strassen's algorithm: an error is then small beside the largest
/// numbers of a product, not beside those of its row. False when scratch memory cannot be had.
bool ck_gemm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const void *w, ck_dtype w_dtype,
             const float *bias, ck_epilogue epilogue, const float *gate, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
             ck_pool *pool);

/// How a checkpoint stores the numbers of a matrix beside ck_dtype's: GGML's blocks of neighbours along a row, or one
/// byte a number.
typedef enum ck_format {
    CK_FORMAT_Q4_0,
    CK_FORMAT_Q4_1,
    CK_FORMAT_Q5_0,
    CK_FORMAT_Q5_1,
    CK_FORMAT_Q8_0,
    CK_FORMAT_Q2_K,
    CK_FORMAT_Q3_K,
    CK_FORMAT_Q4_K,
    CK_FORMAT_Q5_K,
    CK_FORMAT_Q6_K,
    CK_FORMAT_IQ4_NL,
    CK_FORMAT_IQ4_XS,
    CK_FORMAT_E4M3, ///< float8_e4m3fn
    CK_FORMAT_E5M2,
    CK_FORMAT_INT8
} ck_format;

/// Numbers of a block, and its bytes.
ptrdiff_t ck_format_numbers(ck_format format);
ptrdiff_t ck_format_bytes(ck_format format);

/// A matrix [rows, columns] as it is stored; columns are a multiple of a block.
typedef struct ck_quantised {
    const void *data;
    ck_format format;
    ptrdiff_t rows, columns;
    const float *scales; ///< row-major, one for scale_rows x scale_columns numbers of one byte; NULL for 1
    ptrdiff_t scale_rows, scale_columns;
    ptrdiff_t scale_rows_above; ///< of the first scales, which are no rows of this matrix
} ck_quantised;

/// out = rows first..<first + count of w, bit for bit what GGML's and PyTorch's own conversions give.
void ck_dequantise(float *out, const ck_quantised *w, ptrdiff_t first, ptrdiff_t count, ck_pool *pool);

/// What ck_gemm does, with w [n, k] as a checkpoint stores it.
///
/// Q8_0 and INT8 weights meet x in whole numbers: each run of 512 numbers of a row of x becomes levels of 16 bits, with
/// one scale. Other formats, and all where m is at most 6, are multiplied as f32.
bool ck_gemm_quantised(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const ck_quantised *w,
                       const float *bias, ck_epilogue epilogue, const float *gate, ptrdiff_t m, ck_pool *pool);

/// out [m, n] = epilogue(sums [m, n] + bias [n]): what ck_gemm does to its sums, for sums that somebody else computed.
void ck_finish_sums(void *out, ck_dtype out_dtype, const float *sums, const float *bias, ck_epilogue epilogue,
                    const float *gate, ptrdiff_t m, ptrdiff_t n, ck_pool *pool);

/// The kernel of a convolution over frames of dtype `x_dtype`, f32 or bf16.
typedef struct ck_kernel {
    ptrdiff_t in_channels, out_channels;
    ptrdiff_t extent[3]; ///< in time, height and width
    ck_dtype x_dtype;
} ck_kernel;

/// Bytes that the kernel takes as ck_convolution wants it on pools of this level.
size_t ck_kernel_bytes(const ck_kernel *kernel, const ck_pool *pool);
/// packed = w [out, in, t, h, w], f32, bf16 or f16, rounded to the frames' dtype. False when scratch memory cannot be
/// had.
bool ck_kernel_pack(void *packed, const void *w, ck_dtype w_dtype, const ck_kernel *kernel, ck_pool *pool);

/// What each place of a convolution's result sees of the frames.
typedef struct ck_window {
    ptrdiff_t stride[3], dilation[3]; ///< in time, height and width
    ptrdiff_t above, left;   ///< rows and columns of zeros before the first; behind the last are as many as needed
    ptrdiff_t height, width; ///< of a frame
} ck_window;

/// Convolution of frames [window.height, window.width, in_channels]: out [count, height, width, out_channels] = kernel
/// * frames + bias, or grows by that.
///
/// frames: those that the kernel sees, from the first place of the result on; NULL is a frame of zeros, which the last
/// frame that a place sees is not. out f32 or bf16. bias may be NULL. False when scratch memory cannot be had.
bool ck_convolution(void *out, ck_dtype out_dtype, const void *const *frames, const ck_kernel *kernel,
                    const void *packed, const ck_window *window, const float *bias, bool accumulate, ptrdiff_t count,
                    ptrdiff_t height, ptrdiff_t width, ck_pool *pool);

/// One call of ck_winograd.
typedef struct ck_winograd_call {
    void *out; ///< [count, height, width, out_channels]
    ck_dtype out_dtype;
    const void *const *frames; ///< as for ck_convolution
    const void *w;             ///< [out, in, t, 3, 3] as a checkpoint stores it
    ck_dtype w_dtype;
    ck_kernel kernel;
    ptrdiff_t folded; ///< so many slices in time see the same frame as the one after them, and none of their own
    ck_window window; ///< with strides and dilations of 1 in height and width
    bool doubled;     ///< each row and column of a frame is seen twice; out is as much larger, above and left are 1
    const float *bias;
    bool accumulates;
    ptrdiff_t count, height, width;
} ck_winograd_call;

/// What ck_convolution does with kernels that see 3 x 3 places of a frame, in f32 with 4/9 of its multiplications, and
/// 1/4 of doubled frames. The kernel is transformed for the call: that pays from some dozen places on. False when
/// scratch memory cannot be had.
bool ck_winograd(const ck_winograd_call *call, ck_pool *pool);

/// Which tokens attend to which.
typedef enum ck_groups {
    CK_GROUPS_ALL,         ///< every query to every key
    CK_GROUPS_CONSECUTIVE, ///< runs of `extent` tokens
    CK_GROUPS_STRIDED      ///< tokens `extent` apart
} ck_groups;

/// One call of ck_attention. With a grouping other than ALL, queries and keys are the same tokens.
typedef struct ck_attention_call {
    void *out;      ///< [queries, heads · head_dim]
    const void *q;  ///< [queries, heads · head_dim]
    const void *k;  ///< [keys, heads · head_dim]
    const void *v;  ///< [keys, heads · head_dim]
    ck_dtype dtype; ///< of all four: f32 or bf16
    ptrdiff_t queries, keys, heads, head_dim;
    /// Distance of two rows in elements; 0 means heads · head_dim.
    ptrdiff_t out_stride, q_stride, k_stride, v_stride;
    float scale;
    ck_groups groups;
    ptrdiff_t extent;
    const float *head_bias; ///< [heads, queries, keys] or NULL, added to the scaled logits
    const float *key_bias;  ///< [keys] or NULL, added to the scaled logits
    /// Which blocks of CK_LIST_KEYS keys a block of CK_LIST_QUERIES queries sees, of ALL tokens: for list i, head after
    /// head, block_index[block_start[i]..<block_start[i + 1]]. Both NULL where every query sees every key.
    const int32_t *block_start, *block_index;
} ck_attention_call;

enum { CK_LIST_QUERIES = 128, CK_LIST_KEYS = 64 };

/// out = softmax(scale · q kᵀ + bias) v for each head; 0 where no key is left (all biases -∞, or an empty list). out
/// may be q. False when scratch memory cannot be had.
bool ck_attention(const ck_attention_call *call, ck_pool *pool);

// ---- Norms, positions

/// out = (x - mean) / sqrt(var + eps) · gain + offset for each row; gain, offset [width] or NULL. In place allowed.
void ck_layer_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain,
                   const float *offset, ptrdiff_t rows, ptrdiff_t width, float eps, ck_pool *pool);
/// out = x / sqrt(mean(x²) + eps) · gain for each row. In place allowed.
void ck_rms_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain, ptrdiff_t rows,
                 ptrdiff_t width, float eps, ck_pool *pool);
/// In place: RMS norm over each row of [rows, heads · head_dim], then for each head the pairs (a, b) of neighbours
/// become (a cos - b sin, a sin + b cos). cosine, sine [rows, head_dim / 2], or both NULL for the norm alone.
void ck_rms_norm_rotary(void *x, ck_dtype dtype, const float *gain, const float *cosine, const float *sine,
                        ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, float eps, ck_pool *pool);
/// In place: layer norm of each head of [rows, heads · head_dim], gain, offset [head_dim], then its pairs turned as
/// above, or with both NULL not.
void ck_layer_norm_rotary(void *x, ck_dtype dtype, const float *gain, const float *offset, const float *cosine,
                          const float *sine, ptrdiff_t rows, ptrdiff_t heads, ptrdiff_t head_dim, float eps,
                          ck_pool *pool);
/// out = x / max(‖x‖₂, 1e-12) · sqrt(width) · gain for each row, then SiLU if asked for. In place allowed.
void ck_channel_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain, bool silu,
                     ptrdiff_t rows, ptrdiff_t width, ck_pool *pool);

/// Vectors of the places of a smaller array, [frames, height, width, channels], of which those of x take the nearest.
typedef struct ck_places {
    const float *gain, *offset;
    ptrdiff_t frames, height, width;
    ptrdiff_t x_frames, x_height, x_width;
    bool parts_first_frame; ///< the first frame of x has the first for itself, the others share the rest
} ck_places;

/// out = (x - mean) / sqrt(var + eps) · gain + offset, times and plus the vectors of the place where there are
/// `places`, then SiLU if asked for; x [positions, channels], mean and variance over all positions and the channels /
/// groups neighbouring channels of a group; gain, offset [channels]. In place allowed. False when scratch memory cannot
/// be had.
bool ck_group_norm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const float *gain,
                   const float *offset, const ck_places *places, bool silu, ptrdiff_t positions, ptrdiff_t channels,
                   ptrdiff_t groups, float eps, ck_pool *pool);

// ---- Elementwise

/// out = x in another dtype; to bf16 and f16 round to nearest even. u8 only to u8. In place only with equal dtypes.
void ck_convert(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool);
/// out = silu(x). In place allowed.
void ck_silu(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool);
/// x Φ(x), x / (1 + e^-1.702x), and the approximation by tanh that products end with.
typedef enum { CK_GELU_ERF, CK_GELU_QUICK, CK_GELU_TANH } ck_gelu_form;
/// out = GELU of x in one of its forms. In place allowed.
void ck_gelu(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ck_gelu_form form, ptrdiff_t count,
             ck_pool *pool);
/// out += x.
void ck_add(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, ptrdiff_t count, ck_pool *pool);
/// out = gelu_tanh(gate) · x, all of one dtype. In place on either input allowed.
void ck_gelu_gate(void *out, const void *gate, const void *x, ck_dtype dtype, ptrdiff_t count, ck_pool *pool);
/// *flag = 1 where an element of x is no finite number; else it stays.
void ck_flag_non_finite(uint8_t *flag, const void *x, ck_dtype dtype, ptrdiff_t count, ck_pool *pool);
/// out = Σ factors[i] · terms[i], at most four terms; out may be one of them.
void ck_combine(float *out, const float *const *terms, const float *factors, ptrdiff_t term_count, ptrdiff_t count,
                ck_pool *pool);

// ---- Layout

/// out[i] = table[ids[i]]; the ids have been checked. out f32 or bf16, table f32, bf16 or f16.
void ck_embedding(void *out, ck_dtype out_dtype, const void *table, ck_dtype table_dtype, const int32_t *ids,
                  ptrdiff_t count, ptrdiff_t width, ck_pool *pool);

/// Extents of a latent video and of a patch of it.
typedef struct ck_patches {
    ptrdiff_t channels, frames, height, width;
    ptrdiff_t patch_frames, patch_height, patch_width;
} ck_patches;

/// x [C, T, H, W] to out [tokens, out_width]; a token's first columns are (c, pt, ph, pw), pw fastest. Further columns
/// stay.
void ck_patchify(void *out, ck_dtype out_dtype, const float *x, const ck_patches *patches, ptrdiff_t out_width,
                 ck_pool *pool);
/// x [tokens, (pt, ph, pw, c)], c fastest, to out [C, T, H, W].
void ck_unpatchify(float *out, const void *x, ck_dtype x_dtype, const ck_patches *patches, ck_pool *pool);
/// Frame `frame` of x [C, T, H, W] to out [H, W, C], as x · gain[c] + offset[c]; pixels = H · W.
void ck_channels_last(void *out, ck_dtype out_dtype, const float *x, const float *gain, const float *offset,
                      ptrdiff_t frame, ptrdiff_t channels, ptrdiff_t frames, ptrdiff_t pixels, ck_pool *pool);
/// Nearest neighbour: x [T, H, W, C] to out [T, 2H, 2W, C].
void ck_upsample2x(void *out, const void *x, ck_dtype dtype, ptrdiff_t frames, ptrdiff_t height, ptrdiff_t width,
                   ptrdiff_t channels, ck_pool *pool);
/// x [T, pixels, 2C] to out [2T, pixels, C]: the first half of the channels is the even frame, the second the odd one.
void ck_interleave_frames(void *out, const void *x, ck_dtype dtype, ptrdiff_t frames, ptrdiff_t pixels,
                          ptrdiff_t channels, ck_pool *pool);

/// One call of ck_add_repeated_up: x [frames, height, width, in_channels].
typedef struct ck_repeated_up {
    ptrdiff_t frames, height, width, in_channels, out_channels;
    ptrdiff_t time, space; ///< factors
    ptrdiff_t skip;        ///< leading output frames that are dropped
} ck_repeated_up;

/// out [T · time - skip, H · space, W · space, C'] += DupUp3D(x): output channel c at offset (t, y, x) of its source
/// pixel reads input channel ((c · time + t) · space + y) · space + x over repeats = C' · time · space² / C.
void ck_add_repeated_up(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const ck_repeated_up *up,
                        ck_pool *pool);
/// x [T, H, W, (c, pw, ph)], ph fastest, 3 colours, to out [T, H · patch, W · patch, 3]: clamp to ±1, then
/// round((x / 2 + 0.5) · 255), halves to even.
void ck_pixels(uint8_t *out, const void *x, ck_dtype x_dtype, ptrdiff_t frames, ptrdiff_t height, ptrdiff_t width,
               ptrdiff_t patch, ck_pool *pool);

#ifdef __cplusplus
}
#endif

#endif
