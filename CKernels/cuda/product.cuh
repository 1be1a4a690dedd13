// What the matrix products and the convolutions share, after device.cuh: the order of tiles, the way of sums to memory,
// the loop over tensor cores and the loop over plain multiply-adds.

enum { DTYPE_F32, DTYPE_BF16, DTYPE_F16 };                                              // ck_dtype
enum { EPILOGUE_NONE, EPILOGUE_GELU, EPILOGUE_SILU, EPILOGUE_ADD, EPILOGUE_GATED_ADD }; // ck_epilogue

INLINE int ceil_divide(int x, int by) { return (x + by - 1) / by; }
INLINE u64 element_bytes(int dtype) { return dtype == DTYPE_F32 ? 4 : 2; }
INLINE int smaller(int x, int y) { return x < y ? x : y; }

// ---- Which tile a block computes

struct TilePlace {
    int row, column; ///< in tiles
};

/// Blocks that run together take 8 rows of tiles and neighbouring columns, so that both operands are found in L2.
INLINE TilePlace tile_place(int block, int rows, int columns) {
    const int group = block / (8 * columns), first = group * 8, height = smaller(8, rows - first);
    const int rest = block - group * 8 * columns;
    return {first + rest % height, rest / height};
}

// ---- From sums to memory

/// Where the sums of a tile go. The addresses are those of its first row and column.
struct Result {
    ck_address out;
    const float *bias, *gate; ///< bias may be null; gate only for EPILOGUE_GATED_ADD
    long long stride;
    int rows, columns; ///< of the tile that exist
    int epilogue, dtype;
    float alpha;
    bool aligned; ///< rows start at multiples of 16 bytes
};

INLINE Result tile_result(ck_address out, int dtype, long long stride, int row, int column, int rows, int columns) {
    const u64 size = element_bytes(dtype);
    Result result;
    result.out = out + ((u64)row * (u64)stride + (u64)column) * size;
    result.bias = nullptr;
    result.gate = nullptr;
    result.stride = stride;
    result.rows = rows - row;
    result.columns = columns - column;
    result.epilogue = EPILOGUE_NONE;
    result.dtype = dtype;
    result.alpha = 1.f;
    result.aligned = (result.out | (u64)stride * size) % 16 == 0;
    return result;
}

/// The same for a product of ck_gemm_arguments and for the product of this block's z.
INLINE Result gemm_result(const ck_gemm_arguments &args, int row, int column) {
    const int outer = block_z() / args.inner, inner = block_z() % args.inner;
    const u64 first = (u64)(outer * args.out_outer + inner * args.out_inner) * element_bytes(args.out_dtype);
    Result result = tile_result(args.out + first, args.out_dtype, args.out_stride, row, column, args.m, args.n);
    if (args.bias)
        result.bias = (const float *)args.bias + column;
    if (args.gate)
        result.gate = (const float *)args.gate + column;
    result.epilogue = args.epilogue;
    result.alpha = args.alpha;
    return result;
}

INLINE float silu(float x) { return x * reciprocal_approx(1.f + exp2_approx(x * -1.44269504f)); }
/// x / 2 · (1 + tanh(u)) = x / (1 + e^(-2u)), u = √(2/π) (x + 0.044715 x³).
INLINE float gelu_tanh(float x) {
    const float u = 0.797884561f * fmaf(0.044715f * x * x, x, x);
    return x * reciprocal_approx(1.f + exp2_approx(u * -2.88539008f));
}

INLINE void load_vector(const float *from, float (&y)[2]) {
    const Vector<float, 2> x = *(const Vector<float, 2> *)from;
    UNROLL for (int i = 0; i < 2; i++) y[i] = x.v[i];
}
template <int N> INLINE void load_vector(const float *from, float (&y)[N]) {
    UNROLL for (int i = 0; i < N; i += 4) {
        const Vector<float, 4> x = *(const Vector<float, 4> *)(from + i);
        UNROLL for (int j = 0; j < 4; j++) y[i + j] = x.v[j];
    }
}
template <int N> INLINE void load_vector(const bf16 *from, float (&y)[N]) {
    const Vector<u32, N / 2> x = *(const Vector<u32, N / 2> *)from;
    UNROLL for (int i = 0; i < N / 2; i++) {
        y[2 * i] = low_bf16(x.v[i]);
        y[2 * i + 1] = high_bf16(x.v[i]);
    }
}
INLINE void store_vector(float *to, const float (&y)[2]) { *(Vector<float, 2> *)to = {y[0], y[1]}; }
template <int N> INLINE void store_vector(float *to, const float (&y)[N]) {
    UNROLL for (int i = 0; i < N; i += 4) * (Vector<float, 4> *)(to + i) = {y[i], y[i + 1], y[i + 2], y[i + 3]};
}
template <int N> INLINE void store_vector(bf16 *to, const float (&y)[N]) {
    Vector<u32, N / 2> x;
    UNROLL for (int i = 0; i < N / 2; i++) x.v[i] = pack_bf16(y[2 * i], y[2 * i + 1]);
    *(Vector<u32, N / 2> *)to = x;
}

template <typename T, int N> INLINE void store_values(const Result &result, int row, int column, float (&y)[N]) {
    T *out = (T *)result.out + row * result.stride + column;
    const bool adds = result.epilogue >= EPILOGUE_ADD;
    if (result.aligned && column + N <= result.columns) {
        if (adds) {
            float before[N];
            load_vector(out, before);
            UNROLL for (int i = 0; i < N; i++) y[i] += before[i];
        }
        store_vector(out, y);
    } else {
        UNROLL for (int i = 0; i < N; i++) {
            if (column + i < result.columns)
                from_float(adds ? y[i] + to_float(out[i]) : y[i], out[i]);
        }
    }
}

/// What the epilogue needs of N neighbouring columns.
template <int N> struct ColumnFactors { float bias[N], gate[N]; };

template <int N> INLINE ColumnFactors<N> column_factors(const Result &result, int column) {
    ColumnFactors<N> factors;
    UNROLL for (int i = 0; i < N; i++) {
        const int at = smaller(column + i, result.columns - 1);
        factors.bias[i] = result.bias ? result.bias[at] : 0.f;
        factors.gate[i] = result.epilogue == EPILOGUE_GATED_ADD ? result.gate[at] : 1.f;
    }
    return factors;
}

/// Applies the epilogue to N neighbours of one row and stores those that exist.
template <int N>
INLINE void store_row(const Result &result, const ColumnFactors<N> &factors, int row, int column, float (&y)[N]) {
    if (row >= result.rows || column >= result.columns)
        return;
    UNROLL for (int i = 0; i < N; i++) y[i] = fmaf(result.alpha, y[i], factors.bias[i]);
    if (result.epilogue == EPILOGUE_GELU) {
        UNROLL for (int i = 0; i < N; i++) y[i] = gelu_tanh(y[i]);
    } else if (result.epilogue == EPILOGUE_SILU) {
        UNROLL for (int i = 0; i < N; i++) y[i] = silu(y[i]);
    } else {
        UNROLL for (int i = 0; i < N; i++) y[i] *= factors.gate[i];
    }
    if (result.dtype == DTYPE_F32)
        store_values<float>(result, row, column, y);
    else
        store_values<bf16>(result, row, column, y);
}

// ---- Convolutions
//
// A tile of voxels lies in one frame, so that its frames of the past are the same for all its rows and frames of zeros
// cost nothing. Every tap of some channels comes before the next channels: what the taps read overlaps in L2.

/// A block's way through the sum.
struct Taps {
    ck_address frame[3]; ///< the frames under the kernel; 0 is not visited
    int kernel_height, kernel_width, channels;
    int first, row_step, column_step; ///< distance in elements of the first tap; from tap to tap
    int time, row, column;            ///< of the tap
    int frame_after;                  ///< which frame follows each, two bits a frame
    int channel;                      ///< the first
    int depth;                        ///< channels at once
    int steps;
};

INLINE ck_address tap_frame(const Taps &taps, int time) {
    return time == 0 ? taps.frame[0] : time == 1 ? taps.frame[1] : taps.frame[2];
}
/// Columns, rows, visited frames, then further channels; without a branch, which would part the loop it is called in.
INLINE void next_tap(Taps &taps) {
    const bool row_ends = taps.column + 1 == taps.kernel_width;
    taps.column = row_ends ? 0 : taps.column + 1;
    const bool frame_ends = row_ends && taps.row + 1 == taps.kernel_height;
    taps.row = frame_ends ? 0 : row_ends ? taps.row + 1 : taps.row;
    const int after = taps.frame_after >> 2 * taps.time & 3;
    taps.channel += frame_ends && after <= taps.time ? taps.depth : 0;
    taps.time = frame_ends ? after : taps.time;
}

INLINE Taps open_taps(const ck_convolution_arguments &args, int frame, int depth) {
    const u64 frame_bytes =
        (u64)args.x_height * (u64)args.x_width * (u64)args.in_channels * element_bytes(args.x_dtype);
    Taps taps;
    int visited = 0;
    UNROLL for (int i = 0; i < 3; i++) {
        const int place = frame * args.stride[0] + i * args.dilation[0]; // among the history and x
        const int past = args.history_frames;
        ck_address at = 0;
        if (i < args.kernel_frames) {
            if (place >= past)
                at = args.x + (u64)(place - past) * frame_bytes;
            else
                at = place == 0 ? args.history[0] : args.history[1];
        }
        taps.frame[i] = at;
        visited += at != 0;
    }
    taps.kernel_height = args.kernel_height;
    taps.kernel_width = args.kernel_width;
    taps.channels = args.in_channels;
    taps.first = -(args.above * args.x_width + args.left) * args.in_channels;
    taps.row_step = args.dilation[1] * args.x_width * args.in_channels;
    taps.column_step = args.dilation[2] * args.in_channels;
    taps.row = taps.column = taps.channel = 0;
    taps.depth = depth;
    taps.steps = ceil_divide(args.in_channels, depth) * visited * args.kernel_height * args.kernel_width;
    const bool visits[3] = {taps.frame[0] != 0, taps.frame[1] != 0, taps.frame[2] != 0};
    taps.time = visits[0] ? 0 : visits[1] ? 1 : 2;
    const int after_first = visits[1] ? 1 : visits[2] ? 2 : 0, after_second = visits[2] ? 2 : taps.time;
    taps.frame_after = after_first | after_second << 2 | taps.time << 4;
    return taps;
}

/// Elements from a result's pixel, its first channel, to the first channel of this step under this tap.
INLINE int tap_distance(const Taps &taps) {
    return taps.first + taps.row * taps.row_step + taps.column * taps.column_step + taps.channel;
}
/// The pixel of x that a result would lie on if nothing came before, in pixels.
INLINE int result_pixel(const ck_convolution_arguments &args, int pixel) {
    return pixel / args.width * args.stride[1] * args.x_width + pixel % args.width * args.stride[2];
}
/// The number of the tap in the weight, and of a tap of one frame in a mask of nine.
INLINE int tap_number(const Taps &taps) {
    return (taps.time * taps.kernel_height + taps.row) * taps.kernel_width + taps.column;
}
INLINE int tap_bit(const Taps &taps) { return taps.row * 3 + taps.column; }

/// Which taps of a frame find a pixel around this result.
INLINE u32 tap_mask(const ck_convolution_arguments &args, int pixel) {
    const int row = pixel / args.width * args.stride[1] - args.above;
    const int column = pixel % args.width * args.stride[2] - args.left;
    u32 mask = 0;
    UNROLL for (int i = 0; i < 9; i++) {
        const int y = row + i / 3 * args.dilation[1], x = column + i % 3 * args.dilation[2];
        if (y >= 0 && y < args.x_height && x >= 0 && x < args.x_width)
            mask |= 1u << i;
    }
    return pixel < args.height * args.width ? mask : 0;
}

/// The frame, the first pixel and the first output channel of a tile.
struct ConvolutionPlace {
    int frame, pixel, channel;
};

INLINE ConvolutionPlace convolution_place(const ck_convolution_arguments &args, int rows, int columns) {
    const int in_frame = ceil_divide(args.height * args.width, rows);
    const TilePlace tile = tile_place(block_x(), args.frames * in_frame, ceil_divide(args.out_channels, columns));
    return {tile.row / in_frame, tile.row % in_frame * rows, tile.column * columns};
}

INLINE Result convolution_result(const ck_convolution_arguments &args, ConvolutionPlace place) {
    const int pixels = args.height * args.width, first = place.frame * pixels;
    Result result = tile_result(args.out, args.out_dtype, args.out_channels, first + place.pixel, place.channel,
                                first + pixels, args.out_channels);
    if (args.bias)
        result.bias = (const float *)args.bias + place.channel;
    if (args.accumulate)
        result.epilogue = EPILOGUE_ADD;
    return result;
}

// ---- Tensor cores
//
// A tile of a [rows, depth] and of b [columns, depth] (or [depth, columns] when b is `DepthFirst`) lies in each stage
// of shared memory in chunks of 16 bytes, exchanged so that eight addresses of load_matrices never share a bank.
//
// Where b is [columns, depth], the eight columns of a product are not neighbours: of 32 columns, product t takes
// columns 8 i + 2 t and 8 i + 2 t + 1 for i in 0..<4. A thread then holds eight neighbours, which it stores at once.

template <int Rows, int Columns, int Depth, int WarpRows, int WarpColumns, bool DepthFirst> struct Tile {
    static constexpr int rows = Rows, columns = Columns, depth = Depth;
    static constexpr int warp_rows = WarpRows, warp_columns = WarpColumns;
    static constexpr bool depth_first = DepthFirst;
    static constexpr int stages = 3;
    static constexpr int threads = Rows / WarpRows * (Columns / WarpColumns) * 32;
    static constexpr int a_bytes = Rows * Depth * 2, stage_bytes = (Rows + Columns) * Depth * 2;
    static constexpr int shared_bytes = 1024 + stages * stage_bytes; ///< with what shared_base may skip
    static constexpr int chunks = Depth / 8;                         ///< in a row
    static constexpr int row_step = threads / chunks; ///< rows that the threads copy at once, a chunk each
    static constexpr int a_copies = Rows / row_step, b_copies = Columns / row_step; ///< by each thread
    static constexpr int m_tiles = WarpRows / 16, n_tiles = WarpColumns / 8;
    static_assert(Depth == 32 || Depth == 64, "the exchange of chunks is written for these");
    static_assert(WarpColumns % 32 == 0 && Rows % row_step == 0 && Columns % row_step == 0, "whole copies");
};

/// The sums of a warp: those of m16n8 products.
template <class T> struct Sums { float v[T::m_tiles][T::n_tiles][4]; };

template <class T> INLINE u32 a_place(int row, int chunk) {
    const int exchange = T::depth == 32 ? row >> 1 & 3 : row & 7;
    return (u32)(row * T::depth * 2 + ((chunk ^ exchange) << 4));
}
template <class T> INLINE u32 b_place(int row, int chunk) {
    if (T::depth_first)
        return (u32)(row * T::columns * 2 + ((chunk ^ (row & 7)) << 4));
    const int exchange = T::depth == 32 ? row >> 3 & 3 : (row & 1) | (row >> 2 & 6);
    return (u32)(row * T::depth * 2 + ((chunk ^ exchange) << 4));
}

INLINE int lane_index() { return thread_index() & 31; }
/// The first row and column of this warp's part of the tile.
template <class T> INLINE int warp_row() {
    return (thread_index() >> 5) / (T::columns / T::warp_columns) * T::warp_rows;
}
template <class T> INLINE int warp_column() {
    return (thread_index() >> 5) % (T::columns / T::warp_columns) * T::warp_columns;
}

/// One 16 deep slice of a warp's operands.
template <class T> struct Fragments { u32 a[T::m_tiles][4], b[T::n_tiles / 2][4]; };

/// This lane's addresses for the first slice of a stage, relative to the stage.
struct FragmentPlace {
    u32 a, b;
};

template <class T> INLINE FragmentPlace fragment_place() {
    const int lane = lane_index(), eighth = lane & 7, half = lane >> 3 & 1, upper = lane >> 4;
    FragmentPlace place;
    place.a = a_place<T>(warp_row<T>() + (lane & 15), upper);
    if (T::depth_first)
        place.b = b_place<T>(eighth + 8 * half, warp_column<T>() / 8 + upper);
    else
        place.b = b_place<T>(warp_column<T>() + (eighth >> 1) * 8 + (eighth & 1) + 2 * upper, half);
    place.b += T::a_bytes;
    return place;
}

template <class T> INLINE void load_fragments(Fragments<T> &f, FragmentPlace place, u32 stage, int slice) {
    UNROLL for (int i = 0; i < T::m_tiles; i++) {
        load_matrices(f.a[i], stage + (place.a ^ (u32)(slice * 32)) + (u32)(i * 16 * T::depth * 2));
    }
    UNROLL for (int j = 0; j < T::n_tiles / 2; j++) {
        if (T::depth_first) {
            load_matrices_transposed(f.b[j], stage + (place.b ^ (u32)(j * 32)) + (u32)(slice * 16 * T::columns * 2));
        } else {
            const int row = j / 2 * 32 + j % 2 * 4;
            load_matrices(f.b[j], stage + (place.b ^ (u32)(slice * 32)) + (u32)(row * T::depth * 2));
        }
    }
}

template <class T> INLINE void multiply_fragments(Sums<T> &sums, const Fragments<T> &f) {
    UNROLL for (int i = 0; i < T::m_tiles; i++) {
        UNROLL for (int j = 0; j < T::n_tiles / 2; j++) {
            multiply_add(sums.v[i][2 * j], f.a[i], f.b[j][0], f.b[j][1]);
            multiply_add(sums.v[i][2 * j + 1], f.a[i], f.b[j][2], f.b[j][3]);
        }
    }
}

/// The whole sum of a tile: `steps` stages, which copy_step(source, stage) starts to fill, one after the other; beyond
/// the last it fills zeros.
template <class T, class Source> INLINE void sum_products(Sums<T> &sums, Source &source, int steps) {
    constexpr int slices = T::depth / 16;
    const u32 shared = shared_base(), end = shared + T::stages * T::stage_bytes;
    const FragmentPlace place = fragment_place<T>();
    UNROLL for (int i = 0; i < T::m_tiles; i++) {
        UNROLL for (int j = 0; j < T::n_tiles; j++) { UNROLL for (int e = 0; e < 4; e++) sums.v[i][j][e] = 0.f; }
    }
    UNROLL for (int i = 0; i < T::stages - 1; i++) {
        copy_step(source, shared + (u32)(i * T::stage_bytes));
        copy_async_commit();
    }
    u32 read = shared, write = end - T::stage_bytes;
    Fragments<T> f[2];
    copy_async_wait<T::stages - 2>();
    block_barrier();
    load_fragments<T>(f[0], place, read, 0);
    NO_UNROLL for (int step = 0; step < steps; step++) {
        UNROLL for (int slice = 0; slice < slices; slice++) {
            if (slice == slices - 1) {
                // Behind this barrier every warp has read the stage, and the copies of the next are there.
                copy_async_wait<T::stages - 2>();
                block_barrier();
                read = read + T::stage_bytes == end ? shared : read + T::stage_bytes;
            }
            load_fragments<T>(f[(slice + 1) & 1], place, read, (slice + 1) % slices);
            if (slice == 0) {
                copy_step(source, write);
                copy_async_commit();
                write = write + T::stage_bytes == end ? shared : write + T::stage_bytes;
            }
            multiply_fragments(sums, f[slice & 1]);
        }
    }
    // Nothing lands in shared memory that belongs to another block by then.
    copy_async_wait<0>();
}

template <class T> INLINE void store_sums(const Result &result, const Sums<T> &sums) {
    const int lane = lane_index(), row = warp_row<T>() + (lane >> 2);
    constexpr int width = T::depth_first ? 2 : 8;
    UNROLL for (int group = 0; group < T::n_tiles * 2 / width; group++) {
        const int column = warp_column<T>() + group * width * 4 + (lane & 3) * width;
        const ColumnFactors<width> factors = column_factors<width>(result, column);
        UNROLL for (int i = 0; i < T::m_tiles; i++) {
            UNROLL for (int half = 0; half < 2; half++) {
                float y[width];
                UNROLL for (int e = 0; e < width; e++) y[e] = sums.v[i][group * width / 2 + e / 2][half * 2 + (e & 1)];
                store_row(result, factors, row + i * 16 + half * 8, column, y);
            }
        }
    }
}

// ---- Plain multiply-adds
//
// The tile is 64 × 64 and 16 deep, f32 in shared memory whatever the operands are; each of 256 threads sums 4 × 4.

/// Four neighbouring elements of any dtype, as they are stored: 16-bit ones in the first two words.
struct Packed {
    u32 word[4];
};

/// The first `count` elements from `index` on, then zeros. `aligned`: four elements from there on are one access.
INLINE Packed load_packed(ck_address x, int dtype, long long index, int count, bool aligned) {
    Packed packed = {{0, 0, 0, 0}};
    if (dtype == DTYPE_F32) {
        const u32 *from = (const u32 *)x + index;
        if (aligned && count >= 4) {
            const Vector<u32, 4> words = *(const Vector<u32, 4> *)from;
            UNROLL for (int i = 0; i < 4; i++) packed.word[i] = words.v[i];
        } else {
            UNROLL for (int i = 0; i < 4; i++) {
                if (i < count)
                    packed.word[i] = from[i];
            }
        }
    } else {
        const u16 *from = (const u16 *)x + index;
        if (aligned && count >= 4) {
            const Vector<u32, 2> words = *(const Vector<u32, 2> *)from;
            UNROLL for (int i = 0; i < 2; i++) packed.word[i] = words.v[i];
        } else {
            UNROLL for (int i = 0; i < 4; i++) {
                if (i < count)
                    packed.word[i / 2] |= (u32)from[i] << (i % 2 * 16);
            }
        }
    }
    return packed;
}

INLINE Vector<float, 4> unpack(const Packed &packed, int dtype) {
    Vector<float, 4> x;
    if (dtype == DTYPE_F32) {
        UNROLL for (int i = 0; i < 4; i++) x.v[i] = float_of_bits(packed.word[i]);
    } else if (dtype == DTYPE_BF16) {
        UNROLL for (int i = 0; i < 4; i += 2) {
            x.v[i] = low_bf16(packed.word[i / 2]);
            x.v[i + 1] = high_bf16(packed.word[i / 2]);
        }
    } else {
        UNROLL for (int i = 0; i < 4; i++) x.v[i] = to_float(f16{(u16)(packed.word[i / 2] >> (i % 2 * 16))});
    }
    return x;
}

/// Whether four elements that start at a multiple of four in rows this far apart are one access.
INLINE bool is_aligned(ck_address x, int dtype, int stride) {
    return x % (dtype == DTYPE_F32 ? 16 : 8) == 0 && stride % 4 == 0;
}

/// What a thread carries from memory to one stage: four of a, four of b.
struct SimtStep {
    Packed a, b;
};

enum { SIMT_DEPTH = 16, SIMT_OPERAND_BYTES = CK_SIMT_TILE * SIMT_DEPTH * 4 };
static_assert(CK_SIMT_SHARED == 1024 + 4 * SIMT_OPERAND_BYTES, "two stages of two operands");

/// Element x of line k; x is exchanged so that neither way of writing lets two lanes share a bank.
INLINE u32 simt_place(int k, int x) { return (u32)((k * CK_SIMT_TILE + (x ^ (k >> 2 & 3) << 3)) * 4); }

/// Four neighbours along k of row x.
INLINE void store_along_k(u32 operand, int x, int k, const Vector<float, 4> &y) {
    UNROLL for (int i = 0; i < 4; i++) shared_store(operand + simt_place(k + i, x), y.v[i]);
}

INLINE void store_step(const SimtStep &step, u32 stage, int a_dtype, int b_dtype, bool depth_first) {
    const int thread = thread_index();
    store_along_k(stage, thread >> 2, (thread & 3) * 4, unpack(step.a, a_dtype));
    const Vector<float, 4> b = unpack(step.b, b_dtype);
    if (depth_first)
        shared_store_4(stage + SIMT_OPERAND_BYTES + simt_place(thread >> 4, (thread & 15) * 4), b);
    else
        store_along_k(stage + SIMT_OPERAND_BYTES, thread >> 2, (thread & 3) * 4, b);
}

/// The sums of a tile over `steps` steps, which load_step(source) loads one after the other.
template <class Source> INLINE void sum_simt(float (&sums)[4][4], Source &source, int steps) {
    const u32 shared = shared_base();
    const int row = thread_index() / 16 * 4, column = thread_index() % 16 * 4;
    UNROLL for (int i = 0; i < 4; i++) { UNROLL for (int j = 0; j < 4; j++) sums[i][j] = 0.f; }
    SimtStep next = load_step(source);
    store_step(next, shared, source.a_dtype, source.b_dtype, Source::depth_first);
    block_barrier();
    NO_UNROLL for (int step = 0; step < steps; step++) {
        const u32 stage = shared + (u32)((step & 1) * 2 * SIMT_OPERAND_BYTES);
        if (step + 1 < steps)
            next = load_step(source);
        UNROLL for (int k = 0; k < SIMT_DEPTH; k++) {
            const Vector<float, 4> a = shared_load_4(stage + simt_place(k, row));
            const Vector<float, 4> b = shared_load_4(stage + SIMT_OPERAND_BYTES + simt_place(k, column));
            UNROLL for (int i = 0; i < 4; i++) {
                UNROLL for (int j = 0; j < 4; j++) sums[i][j] = fmaf(a.v[i], b.v[j], sums[i][j]);
            }
        }
        const u32 other = shared + (u32)((~step & 1) * 2 * SIMT_OPERAND_BYTES);
        if (step + 1 < steps)
            store_step(next, other, source.a_dtype, source.b_dtype, Source::depth_first);
        block_barrier();
    }
}

INLINE void store_simt(const Result &result, float (&sums)[4][4]) {
    const int row = thread_index() / 16 * 4, column = thread_index() % 16 * 4;
    const ColumnFactors<4> factors = column_factors<4>(result, column);
    UNROLL for (int i = 0; i < 4; i++) store_row(result, factors, row + i, column, sums[i]);
}
