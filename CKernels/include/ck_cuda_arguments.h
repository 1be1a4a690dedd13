// The arguments of the CUDA kernels: one struct a kernel, shared by the host and by the text that is compiled for the
// GPU, which is why nothing is included here.
//
// A ck_address is a place in the GPU's memory; 0 where an optional array is absent. Strides and distances count
// elements. Dtypes are the numbers of ck_dtype, epilogues those of ck_epilogue.
#ifndef CK_CUDA_ARGUMENTS_H
#define CK_CUDA_ARGUMENTS_H

typedef unsigned long long ck_address;

/// What the bulk copy engine of sm_90 knows of an array (the driver's CUtensorMap). Where a struct holds some they come
/// first: in the GPU's memory they are aligned to 64 bytes.
typedef struct ck_tensor_map {
    unsigned long long words[16];
} ck_tensor_map;

// ---- Matrix products, convolution

/// out [m, n] = epilogue(alpha · a [m, k] · bᵀ + bias); b [n, k], or [k, n] for the kernels that say so.
///
/// `outer · inner` products at once, in the grid's z: product z starts at (z / inner) · outer + (z % inner) · inner
/// distance of each array.
typedef struct ck_gemm_arguments {
    ck_address out, a, b;
    ck_address bias; ///< f32 [n] or 0
    ck_address gate; ///< f32 [n] for CK_EPILOGUE_GATED_ADD
    long long out_outer, a_outer, b_outer;
    long long out_inner, a_inner, b_inner;
    int outer, inner;
    int m, n, k;
    int out_stride, a_stride, b_stride; ///< distance of rows
    int epilogue;
    int out_dtype, a_dtype, b_dtype; ///< read by the kernels that take several
    float alpha;
    int reserved;
} ck_gemm_arguments;

/// The same on sm_90, one product. a and b are read through maps {k, rows}.
typedef struct ck_gemm_sm90_arguments {
    ck_tensor_map a, b;
    ck_address out, bias, gate;
    int m, n, k;
    int out_stride;
    int epilogue, out_dtype;
    float alpha;
    int reserved[3];
} ck_gemm_sm90_arguments;

/// Causal convolution of x [frames, height, width, in] with weight [taps in time, height, width][out][in], zeros around
/// height and width; out [frames, height, width, out].
typedef struct ck_convolution_arguments {
    ck_address out, x, weight;
    ck_address bias;       ///< f32 [out] or 0
    ck_address history[2]; ///< the kernel_frames - 1 frames before x, oldest first; 0 is a frame of zeros
    int frames, height, width;
    int in_channels, out_channels;
    int kernel_frames, kernel_height, kernel_width;
    int accumulate; ///< out += result
    int out_dtype, x_dtype, weight_dtype;
} ck_convolution_arguments;

/// The same on sm_90: x through a map {in, width, height, frames}, each frame of history through one {in, width,
/// height, 1}, weight through one {in, out, taps}.
typedef struct ck_convolution_sm90_arguments {
    ck_tensor_map x, weight;
    ck_tensor_map history[2];
    ck_address out, bias;
    int frames, height, width;
    int in_channels, out_channels;
    int kernel_frames, kernel_height, kernel_width;
    int has_history[2]; ///< 0: a frame of zeros, its map is not read
    int tile_height, tile_width;
    int accumulate, out_dtype;
    int reserved[14];
} ck_convolution_sm90_arguments;

// ---- Attention

/// out = softmax(scale · q kᵀ + bias) v for each head and each group of tokens. q, out [tokens, heads · head_dim], k, v
/// likewise; token t of group g lies in row g · group_stride + t · token_stride of each of the four.
typedef struct ck_attention_arguments {
    ck_address out, q, k, v;
    ck_address key_bias;  ///< f32 [keys] or 0
    ck_address head_bias; ///< f32 [heads, queries, keys] or 0
    /// Which blocks of keys a tile of queries sees: blocks block_index[block_start[i]..<block_start[i + 1]] for tile i,
    /// ascending, both i32; both 0 where every tile sees all.
    ck_address block_start, block_index;
    long long out_stride, q_stride, k_stride, v_stride; ///< distance of rows
    long long group_stride, token_stride;               ///< in rows
    int queries, keys;                                  ///< in one group
    int groups, heads, head_dim;
    float scale; ///< above 0
} ck_attention_arguments;

/// The kernels behind it, `_64` and `_128` being the largest head_dim (a multiple of 8), every row aligned to 16 bytes:
/// - attention_64, attention_128: anything. A grid of ⌈queries / ROWS⌉ · groups by heads.
/// - attention_128_wide: the same with more shared memory, faster where a multiprocessor holds two blocks of it.
/// - attention_short_64, attention_short_128: groups of at most SHORT_TOKENS, keys = queries, no bias and no list.
///   A grid of ⌈groups / (SHORT_WARPS · ⌊SHORT_TOKENS / queries⌋)⌉ by heads, SHORT_WARPS · 32 threads.
/// out may be q.
enum {
    CK_ATTENTION_THREADS = 128,
    CK_ATTENTION_ROWS = 128,     ///< queries of a tile
    CK_ATTENTION_LIST_KEYS = 64, ///< keys of a block in the lists
    CK_ATTENTION_64_SHARED = 1024 + (128 + 3 * 64) * 64 * 2,
    CK_ATTENTION_128_SHARED = 1024 + (128 + 2 * 32) * 128 * 2,
    CK_ATTENTION_128_WIDE_SHARED = 1024 + (128 + 3 * 64) * 128 * 2,

    CK_ATTENTION_SHORT_TOKENS = 32,
    CK_ATTENTION_SHORT_WARPS = 2,
    CK_ATTENTION_SHORT_64_SHARED = 1024 + 3 * 2 * 32 * 64 * 2,
    CK_ATTENTION_SHORT_128_SHARED = 1024 + 3 * 2 * 32 * 128 * 2
};

/// The same on sm_90 without biases: every array through a map {head_dim, tokens of a group, groups, heads}.
typedef struct ck_attention_sm90_arguments {
    ck_tensor_map q, k, v, out;
    ck_address block_start, block_index;
    int queries, keys, groups, heads;
    float scale;
    int reserved[7];
} ck_attention_sm90_arguments;

/// Rows of scores to probabilities: p = softmax(scale · s + bias); s f32 [batch, queries, keys] with batch = groups ·
/// heads, p likewise with its own distance of rows; columns from keys to p_stride become zeros.
typedef struct ck_softmax_arguments {
    ck_address p, s;
    ck_address key_bias;  ///< f32 [keys] or 0
    ck_address head_bias; ///< f32 [heads, all queries, keys] or 0
    int batch, heads, queries, keys;
    int first_query, all_queries; ///< these rows' place among the rows of head_bias
    int s_stride, p_stride;
    float scale;
    int p_dtype;
} ck_softmax_arguments;

/// Rows of at most WARP_KEYS are a warp's each, THREADS / 32 to a block; longer ones a block's.
enum { CK_SOFTMAX_THREADS = 256, CK_SOFTMAX_WARP_KEYS = 1024, CK_SOFTMAX_SHARED = 1024 + 8 * 8 };

// ---- Norms

/// Every norm over rows of `width`; gain and offset f32 [width] or 0.
typedef struct ck_norm_arguments {
    ck_address out, x, gain, offset;
    int rows, width;
    float eps;
    int silu; ///< channel_norm only
} ck_norm_arguments;

/// In place: RMS norm over the row, then the rotary embedding of each head; cosine, sine f32 [rows, head_dim / 2] or 0.
typedef struct ck_norm_rotary_arguments {
    ck_address x, gain, cosine, sine;
    int rows, heads, head_dim;
    float eps;
} ck_norm_rotary_arguments;

// ---- Elementwise

/// out = f(x) or f(x, y).
typedef struct ck_elementwise_arguments {
    ck_address out, x, y;
    long long count;
} ck_elementwise_arguments;

/// out = Σ factor[i] · term[i], f32.
typedef struct ck_combine_arguments {
    ck_address out;
    ck_address term[4];
    float factor[4];
    long long count;
    int terms;
    int reserved;
} ck_combine_arguments;

// ---- Layout

typedef struct ck_embedding_arguments {
    ck_address out, table, ids; ///< ids i32 [count], checked
    int count, width;
} ck_embedding_arguments;

/// Both directions, as ck_patchify and ck_unpatchify.
typedef struct ck_patch_arguments {
    ck_address out, x;
    int channels, frames, height, width;
    int patch_frames, patch_height, patch_width;
    int out_width; ///< of a token, for patchify
} ck_patch_arguments;

typedef struct ck_channels_last_arguments {
    ck_address out, x, gain, offset;
    int frame, channels, frames, pixels;
} ck_channels_last_arguments;

/// x [frames, height, width, channels] of upsample2x; pixels = height · width and channels of the result for
/// interleave_frames.
typedef struct ck_resize_arguments {
    ck_address out, x;
    int frames, height, width, channels;
} ck_resize_arguments;

typedef struct ck_repeated_up_arguments {
    ck_address out, x;
    int frames, height, width, in_channels, out_channels;
    int time, space, skip;
} ck_repeated_up_arguments;

/// x [frames, height, width, 3 · patch²] in the channel order c, pw, ph.
typedef struct ck_pixels_arguments {
    ck_address out, x;
    int frames, height, width, patch;
} ck_pixels_arguments;

/// A stored convolution weight [out, in, taps] to [taps][out][in_padded], zeros in the padding.
typedef struct ck_pack_weight_arguments {
    ck_address out, x;
    int out_channels, in_channels, in_padded, taps;
} ck_pack_weight_arguments;

#endif
