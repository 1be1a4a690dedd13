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

/// Launches: grid (tiles of rows · tiles of columns, 1, outer · inner); blocks of CK_GEMM_THREADS and CK_GEMM_SHARED
/// bytes for the kernels named after their tiles, of CK_SIMT_THREADS and CK_SIMT_SHARED for the simt kernels, whose
/// tiles have CK_SIMT_TILE rows and columns.
enum {
    CK_GEMM_THREADS = 128,
    CK_GEMM_SHARED = 1024 + 3 * 16384,
    CK_SIMT_TILE = 64,
    CK_SIMT_THREADS = 256,
    CK_SIMT_SHARED = 1024 + 2 * 8192
};

/// The same on sm_90, one product, k and n multiples of 8. a, b and out are reached through maps {k, m}, {k, n} and {n,
/// m}, whose distances of rows are multiples of 16 bytes; swizzled by 128 bytes. Boxes for tiles of rows x columns, of
/// which the names of the kernels tell: a CK_GEMM_SM90_DEPTH x rows, b CK_GEMM_SM90_DEPTH x columns, out 128 bytes
/// x 64.
typedef struct ck_gemm_sm90_arguments {
    ck_tensor_map a, b, out;
    ck_address bias; ///< f32 [n], aligned to 8 bytes, or 0
    ck_address gate; ///< f32 [n], likewise, for CK_EPILOGUE_GATED_ADD
    int m, n, k;
    int epilogue, out_dtype; ///< out f32 or bf16; where the epilogue adds, a bf16 result is rounded before the sum
    float alpha;
    int reserved[6];
} ck_gemm_sm90_arguments;

/// gemm_sm90_256x192 and gemm_sm90_128x192: a grid of as many blocks as there are multiprocessors, or tiles if those
/// are fewer.
enum {
    CK_GEMM_SM90_DEPTH = 64,
    CK_GEMM_SM90_THREADS = 384,
    CK_GEMM_SM90_256X192_SHARED = 222256,
    CK_GEMM_SM90_128X192_SHARED = 214080
};

/// Convolution of frames [x_height, x_width, in] with weight [taps in time, height, width][out][in]; out [frames,
/// height, width, out].
///
/// Place p of the result and tap t of the kernel meet at p · stride + t · dilation of an axis (time, height, width),
/// less what comes before; outside of x's height and width are zeros. In time it is counted from the history's first
/// frame.
typedef struct ck_convolution_arguments {
    ck_address out, x, weight;
    ck_address bias;       ///< f32 [out] or 0
    ck_address history[2]; ///< the history_frames frames before x, oldest first; 0 is a frame of zeros
    int frames, height, width;
    int in_channels, out_channels;
    int kernel_frames, kernel_height, kernel_width; ///< at most 3 each
    int accumulate;                                 ///< out += result
    int out_dtype, x_dtype, weight_dtype;
    int x_height, x_width;
    int stride[3], dilation[3];
    int history_frames, above, left; ///< what comes before: frames, rows and columns of zeros
    int reserved;
} ck_convolution_arguments;

/// Launches: grid (frames · tiles of height · width in a frame · tiles of channels, 1, 1); blocks of CK_GEMM_THREADS
/// and CK_CONVOLUTION_SHARED bytes and more for the kernels named after their tiles, simt as for the products.
enum {
    CK_CONVOLUTION_ROWS = 128,
    CK_CONVOLUTION_SHARED = 1024 + 3 * 128 * 64,
    CK_CONVOLUTION_COLUMN_SHARED = 3 * 64 ///< and for each column of a tile
};

/// The same on sm_90, channels multiples of 8: x and out through maps {channels, width, height, frames}, each frame of
/// history through one {in, width, height, 1}, weight through one {in, out, taps}.
///
/// A tile has tile_width · tile_height places of one frame, as many as the kernel's tiles have rows; tile_width is a
/// power of two up to 64. Boxes: x and history {depth, tile_width, tile_height, 1}, weight {depth, columns, 1},
/// swizzled by 2 · depth bytes; out {128 bytes, tile_width, 64 / tile_width, 1}, swizzled by 128.
typedef struct ck_convolution_sm90_arguments {
    ck_tensor_map x, weight, out;
    ck_tensor_map history[2];
    ck_address bias; ///< f32 [out], aligned to 8 bytes, or 0
    int frames, height, width;
    int in_channels, out_channels;
    int kernel_frames, kernel_height, kernel_width; ///< at most 3 in time
    int has_history[2];                             ///< 0: a frame of zeros, its map is not read
    int tile_height, tile_width;
    int accumulate, out_dtype; ///< out f32 or bf16; where it accumulates, a bf16 result is rounded before the sum
} ck_convolution_sm90_arguments;

/// convolution_sm90_128x256, convolution_sm90_256x192 and convolution_sm90_256x96 (whose depth is the second, and which
/// is for at most 96 output channels): a grid as for the matrix products.
enum {
    CK_CONVOLUTION_SM90_DEPTH = 64,
    CK_CONVOLUTION_SM90_256X96_DEPTH = 32,
    CK_CONVOLUTION_SM90_THREADS = 384,
    CK_CONVOLUTION_SM90_128X256_SHARED = 230464,
    CK_CONVOLUTION_SM90_256X192_SHARED = 222256,
    CK_CONVOLUTION_SM90_256X96_SHARED = 214144
};

// ---- Attention

/// out = softmax(scale · q kᵀ + bias) v for each head and each group of tokens. q, out [tokens, heads · head_dim], k, v
/// likewise; token t of group g lies in row g · group_stride + t · token_stride of each of the four.
typedef struct ck_attention_arguments {
    ck_address out, q, k, v;
    ck_address key_bias;  ///< f32 [keys] or 0
    ck_address head_bias; ///< f32 [heads, queries, keys] or 0
    /// Which blocks of keys a tile of queries sees: blocks block_index[block_start[i]..<block_start[i + 1]] for tile i,
    /// ascending, both i32; both 0 where every tile sees all. Head h begins h · list_stride tiles further.
    ck_address block_start, block_index;
    long long out_stride, q_stride, k_stride, v_stride; ///< distance of rows
    long long group_stride, token_stride;               ///< in rows
    int queries, keys;                                  ///< in one group
    int groups, heads, head_dim;
    float scale; ///< above 0
    int list_stride;
    int reserved;
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

/// The same on sm_90 with a bias of the last key at most: every array through a map {head_dim, tokens of a group,
/// groups, heads} of bf16 with 128-byte swizzle, in boxes {64, CK_ATTENTION_SM90_BOX_QUERIES, 1, 1} for q and out,
/// {64, …_KEYS, 1, 1} for k and v. Lists of blocks, which count tiles of …_QUERIES and blocks of …_KEYS, give each tile
/// at least one block.
///
/// The grid has as many blocks as there are multiprocessors, or tiles (of queries, groups and heads) if those are
/// fewer.
typedef struct ck_attention_sm90_arguments {
    ck_tensor_map q, k, v, out;
    ck_address block_start, block_index; ///< i32
    ck_address last_bias;                ///< f32 or 0
    int queries, keys, groups, heads;
    float scale;
    int reserved[5];
} ck_attention_sm90_arguments;

enum {
    CK_ATTENTION_SM90_BOX_QUERIES = 64,
    CK_ATTENTION_SM90_128_QUERIES = 128,
    CK_ATTENTION_SM90_128_KEYS = 176,
    CK_ATTENTION_SM90_128_THREADS = 384,
    CK_ATTENTION_SM90_128_SHARED_BYTES = 230528,
    CK_ATTENTION_SM90_64_QUERIES = 192,
    CK_ATTENTION_SM90_64_KEYS = 128,
    CK_ATTENTION_SM90_64_THREADS = 512,
    CK_ATTENTION_SM90_64_SHARED_BYTES = 148736
};

/// Rows of scores to probabilities: p = softmax(scale · s + bias); s f32 [batch, queries, keys] with batch = groups ·
/// heads, p likewise with its own distance of rows; columns from keys to p_stride become zeros.
typedef struct ck_softmax_arguments {
    ck_address p, s;
    ck_address key_bias;   ///< f32 [keys] or 0
    ck_address head_bias;  ///< f32 [heads, all queries, keys] or 0
    ck_address block_mask; ///< u8 [heads][tiles of all queries][blocks of keys], 0 where it is not seen; or 0
    int batch, heads, queries, keys;
    int first_query, all_queries; ///< these rows' place among the rows of head_bias
    int s_stride, p_stride;
    float scale;
    int p_dtype;
} ck_softmax_arguments;

/// Rows of at most WARP_KEYS are a warp's each, THREADS / 32 to a block; longer ones a block's.
enum { CK_SOFTMAX_THREADS = 256, CK_SOFTMAX_WARP_KEYS = 1024, CK_SOFTMAX_SHARED = 1024 + 8 * 8 };

// ---- Norms

/// Every norm of rows: a row of `width` belongs to as many threads, a power of two, as hold it with CK_NORM_HELD
/// elements each: 1, 2, 4 … CK_NORM_THREADS. The grid has ⌈rows / (CK_NORM_THREADS / threads of a row)⌉ blocks of
/// CK_NORM_THREADS threads and CK_NORM_SHARED bytes.
enum {
    CK_NORM_THREADS = 256,
    CK_NORM_HELD = 32,
    CK_NORM_WIDTH = CK_NORM_THREADS * CK_NORM_HELD, ///< of the widest row
    CK_NORM_SHARED = 2048
};

/// gain and offset f32 [width] or 0. out may be x where the dtypes are equal.
typedef struct ck_norm_arguments {
    ck_address out, x, gain, offset;
    int rows, width;
    float eps;
    int silu; ///< channel_norm only
} ck_norm_arguments;

/// In place: RMS norm over the row, then the rotary embedding of each head; cosine, sine f32 [rows, head_dim / 2].
typedef struct ck_norm_rotary_arguments {
    ck_address x, gain, cosine, sine;
    int rows, heads, head_dim;
    float eps;
} ck_norm_rotary_arguments;

/// In place: layer norm of each head, then its rotary embedding; gain, offset f32 [head_dim], cosine, sine f32 [rows,
/// head_dim / 2] or both 0. The rows of the grid are rows · heads of head_dim elements.
typedef struct ck_layer_norm_rotary_arguments {
    ck_address x, gain, offset, cosine, sine;
    int rows, heads, head_dim;
    float eps;
} ck_layer_norm_rotary_arguments;

/// Group norm in three launches of CK_NORM_THREADS threads and CK_GROUP_NORM_SHARED bytes: group_norm_statistics and
/// group_norm_apply with ⌈positions / piece⌉ blocks, group_norm_merge between them with one block for each group.
enum {
    CK_GROUP_NORM_PIECE = 32768,   ///< elements; piece = max(1, CK_GROUP_NORM_PIECE / channels) positions
    CK_GROUP_NORM_CHANNELS = 2048, ///< at most
    CK_GROUP_NORM_SHARED = 1024 + 2 * 4 * CK_GROUP_NORM_CHANNELS
};

/// x, out [positions, channels]; gain and offset f32 [channels] or 0.
typedef struct ck_group_norm_arguments {
    ck_address out, x, gain, offset;
    ck_address partial;  ///< f32 [mean, sum of squares][groups][blocks of statistics]
    ck_address channel;  ///< f32 [mean, factor][channels]
    long long positions; ///< less than 2³¹ blocks
    int channels, groups;
    int piece; ///< positions of one block
    float eps;
    int silu;
    int parts_first_frame;               ///< the first frame has the first of the places for itself
    ck_address place_gain, place_offset; ///< f32 [frames, height, width, channels] of the nearest place, or both 0
    int frames, height, width;           ///< of x
    int place_frames, place_height, place_width;
} ck_group_norm_arguments;

// ---- Elementwise, layout

/// The grid of every kernel below has rows · ⌈elements of a row / CK_PIECE⌉ blocks of CK_PIECE_THREADS threads without
/// shared memory. What a row is stands with the arguments; it has less than 2³¹ - CK_PIECE elements.
enum { CK_PIECE = 4096, CK_PIECE_THREADS = 256 };

/// out = f(x) or f(x, y). One row of `count`, here of any length.
typedef struct ck_elementwise_arguments {
    ck_address out, x, y;
    long long count;
} ck_elementwise_arguments;

/// out = numbers first..<first + count of a quantised matrix, which begins at x; see ck_quantised. One row of `count`.
typedef struct ck_dequantise_arguments {
    ck_address out, x;
    ck_address scales; ///< f32, or 0
    long long first, count;
    long long columns; ///< of the matrix
    long long scale_rows, scale_columns;
    long long scale_rows_above;
} ck_dequantise_arguments;

/// out = Σ factor[i] · term[i], f32. One row of `count`, here of any length.
typedef struct ck_combine_arguments {
    ck_address out;
    ck_address term[4];
    float factor[4];
    long long count;
    int terms;
    int reserved;
} ck_combine_arguments;

/// A row for each id.
typedef struct ck_embedding_arguments {
    ck_address out, table, ids; ///< ids i32 [count], checked
    int count, width;
} ck_embedding_arguments;

/// Both directions, as ck_patchify and ck_unpatchify. patchify: a row for each frame of tokens, of its tokens · the
/// elements of a patch. unpatchify: a row for each channel and frame of the result.
typedef struct ck_patch_arguments {
    ck_address out, x;
    int channels, frames, height, width;
    int patch_frames, patch_height, patch_width;
    int out_width; ///< of a token, for patchify
} ck_patch_arguments;

/// One row of pixels · channels.
typedef struct ck_channels_last_arguments {
    ck_address out, x, gain, offset;
    int frame, channels, frames, pixels;
} ck_channels_last_arguments;

/// x [frames, height, width, channels]. upsample2x: a row for each line of x. interleave_frames: a row for each frame
/// of x, whose halves of the channels become frames of their own.
typedef struct ck_resize_arguments {
    ck_address out, x;
    int frames, height, width, channels;
} ck_resize_arguments;

/// A row for each line of the result.
typedef struct ck_repeated_up_arguments {
    ck_address out, x;
    int frames, height, width, in_channels, out_channels;
    int time, space, skip;
} ck_repeated_up_arguments;

/// x [frames, height, width, 3 · patch²] in the channel order c, pw, ph. A row for each frame.
typedef struct ck_pixels_arguments {
    ck_address out, x;
    int frames, height, width, patch;
} ck_pixels_arguments;

/// A stored convolution weight [out, in, taps] to [taps][out][in_padded], zeros in the padding. A row for each tap.
typedef struct ck_pack_weight_arguments {
    ck_address out, x;
    int out_channels, in_channels, in_padded, taps;
} ck_pack_weight_arguments;

#endif
