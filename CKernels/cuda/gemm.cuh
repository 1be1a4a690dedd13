// Matrix products of bf16 on the tensor cores of sm_80 and later; after product.cuh. The distances of rows of a and b
// and k (of b [k, n]: the distance of its rows) are multiples of 8, their addresses multiples of 16.

/// Copies of a and of b [n, k]: every thread takes the same chunk of several rows. Rows beyond the last repeat it: what
/// they give is not stored.
template <class T> struct GemmSource {
    const bf16 *a, *b; ///< at the tile's first row
    u32 a_row[T::a_copies], b_row[T::b_copies];
    int at, k; ///< column of the next copy
};

template <class T> INLINE void open_source(GemmSource<T> &source, const ck_gemm_arguments &args, int row, int column) {
    const int first = thread_index() / T::chunks, chunk = thread_index() % T::chunks;
    source.a += (long long)row * args.a_stride;
    source.b += (long long)column * args.b_stride;
    UNROLL for (int i = 0; i < T::a_copies; i++) {
        source.a_row[i] = (u32)(smaller(first + i * T::row_step, args.m - row - 1) * args.a_stride);
    }
    UNROLL for (int i = 0; i < T::b_copies; i++) {
        source.b_row[i] = (u32)(smaller(first + i * T::row_step, args.n - column - 1) * args.b_stride);
    }
    source.at = chunk * 8;
    source.k = args.k;
}

template <class T> INLINE void copy_step(GemmSource<T> &source, u32 stage) {
    const int first = thread_index() / T::chunks, chunk = thread_index() % T::chunks;
    const bool valid = source.at < source.k;
    const u32 at = valid ? (u32)source.at : 0;
    UNROLL for (int i = 0; i < T::a_copies; i++) {
        copy_async(stage + a_place<T>(first + i * T::row_step, chunk), source.a + (source.a_row[i] + at), valid);
    }
    UNROLL for (int i = 0; i < T::b_copies; i++) {
        copy_async(stage + T::a_bytes + b_place<T>(first + i * T::row_step, chunk), source.b + (source.b_row[i] + at),
                   valid);
    }
    source.at += T::depth;
}

/// Copies of a and of b [k, n]. Chunks of columns beyond the last repeat it. k may be any number where the rows of a go
/// on with zeros to the next multiple of 8.
template <class T> struct DepthFirstSource {
    const bf16 *a, *b; ///< a at the tile's first row, b at this thread's chunk of columns
    const bf16 *next;  ///< b's row of the next copy
    u32 a_row[T::a_copies];
    int at, k, b_stride;
};

template <class T>
INLINE void open_source(DepthFirstSource<T> &source, const ck_gemm_arguments &args, int row, int column) {
    const int first = thread_index() / T::chunks;
    source.a += (long long)row * args.a_stride;
    UNROLL for (int i = 0; i < T::a_copies; i++) {
        source.a_row[i] = (u32)(smaller(first + i * T::row_step, args.m - row - 1) * args.a_stride);
    }
    source.b += smaller(column + thread_index() % (T::columns / 8) * 8, (args.n - 1) & ~7);
    source.next = source.b + (long long)(thread_index() / (T::columns / 8)) * args.b_stride;
    source.at = 0;
    source.k = args.k;
    source.b_stride = args.b_stride;
}

template <class T> INLINE void copy_step(DepthFirstSource<T> &source, u32 stage) {
    const int first = thread_index() / T::chunks, chunk = thread_index() % T::chunks;
    const bool valid = source.at + chunk * 8 < source.k;
    const u32 at = valid ? (u32)(source.at + chunk * 8) : 0;
    UNROLL for (int i = 0; i < T::a_copies; i++) {
        copy_async(stage + a_place<T>(first + i * T::row_step, chunk), source.a + (source.a_row[i] + at), valid);
    }
    constexpr int row_step = T::threads / (T::columns / 8);
    const int row = thread_index() / (T::columns / 8), column = thread_index() % (T::columns / 8);
    UNROLL for (int i = 0; i < T::depth / row_step; i++) {
        const bool exists = source.at + row + i * row_step < source.k;
        const bf16 *from = exists ? source.next + (long long)(i * row_step) * source.b_stride : source.b;
        copy_async(stage + T::a_bytes + b_place<T>(row + i * row_step, column), from, exists);
    }
    source.next += (long long)T::depth * source.b_stride;
    source.at += T::depth;
}

template <class T, class Source> INLINE void gemm(const ck_gemm_arguments &args) {
    const TilePlace place = tile_place(block_x(), ceil_divide(args.m, T::rows), ceil_divide(args.n, T::columns));
    const int row = place.row * T::rows, column = place.column * T::columns;
    const int outer = block_z() / args.inner, inner = block_z() % args.inner;
    Source source;
    source.a = (const bf16 *)args.a + outer * args.a_outer + inner * args.a_inner;
    source.b = (const bf16 *)args.b + outer * args.b_outer + inner * args.b_inner;
    open_source<T>(source, args, row, column);
    Sums<T> sums;
    sum_products<T>(sums, source, ceil_divide(args.k, T::depth));
    store_sums<T>(gemm_result(args, row, column), sums);
}

using Tile128 = Tile<128, 128, 32, 64, 64, false>;
using Tile64 = Tile<64, 64, 64, 32, 32, false>;
using DepthFirstTile128 = Tile<128, 128, 32, 64, 64, true>;
using DepthFirstTile64 = Tile<64, 64, 64, 32, 32, true>;
static_assert(Tile128::shared_bytes == CK_GEMM_SHARED && Tile64::shared_bytes == CK_GEMM_SHARED, "the host's figure");
static_assert(Tile128::threads == CK_GEMM_THREADS && Tile64::threads == CK_GEMM_THREADS, "the host's figure");

KERNEL(gemm_128x128, ck_gemm_arguments, CK_GEMM_THREADS, 2) { gemm<Tile128, GemmSource<Tile128>>(args); }
KERNEL(gemm_64x64, ck_gemm_arguments, CK_GEMM_THREADS, 3) { gemm<Tile64, GemmSource<Tile64>>(args); }
KERNEL(gemm_kn_128x128, ck_gemm_arguments, CK_GEMM_THREADS, 2) {
    gemm<DepthFirstTile128, DepthFirstSource<DepthFirstTile128>>(args);
}
KERNEL(gemm_kn_64x64, ck_gemm_arguments, CK_GEMM_THREADS, 3) {
    gemm<DepthFirstTile64, DepthFirstSource<DepthFirstTile64>>(args);
}
