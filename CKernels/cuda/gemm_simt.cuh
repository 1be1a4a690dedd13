// Matrix products of any dtype and alignment with f32 multiply-adds; after product.cuh.

template <bool DepthFirst> struct SimtSource {
    static constexpr bool depth_first = DepthFirst; ///< b is [k, n]
    ck_address a, b;
    int a_dtype, b_dtype;
    bool a_aligned, b_aligned;
    long long a_index, b_index; ///< of this thread's next elements
    long long b_advance;
    int a_rows, b_columns; ///< of this thread's row and column of the operand; none exists where not positive
    int a_left, b_left;    ///< elements from there on along k
};

template <bool DepthFirst> INLINE SimtStep load_step(SimtSource<DepthFirst> &source) {
    SimtStep step;
    const int a_count = source.a_rows > 0 ? source.a_left : 0;
    step.a = load_packed(source.a, source.a_dtype, source.a_index, a_count, source.a_aligned);
    const int b_count =
        DepthFirst ? (source.b_left > 0 ? source.b_columns : 0) : (source.b_columns > 0 ? source.b_left : 0);
    step.b = load_packed(source.b, source.b_dtype, source.b_index, b_count, source.b_aligned);
    source.a_index += SIMT_DEPTH;
    source.a_left -= SIMT_DEPTH;
    source.b_index += source.b_advance;
    source.b_left -= SIMT_DEPTH;
    return step;
}

template <bool DepthFirst> INLINE void simt_gemm(const ck_gemm_arguments &args) {
    const TilePlace place = tile_place(block_x(), ceil_divide(args.m, CK_SIMT_TILE), ceil_divide(args.n, CK_SIMT_TILE));
    const int row = place.row * CK_SIMT_TILE, column = place.column * CK_SIMT_TILE;
    const int outer = block_z() / args.inner, inner = block_z() % args.inner, thread = thread_index();
    SimtSource<DepthFirst> source;
    source.a_dtype = args.a_dtype;
    source.b_dtype = args.b_dtype;
    source.a = args.a + (u64)(outer * args.a_outer + inner * args.a_inner) * element_bytes(args.a_dtype);
    source.b = args.b + (u64)(outer * args.b_outer + inner * args.b_inner) * element_bytes(args.b_dtype);
    source.a_aligned = is_aligned(source.a, args.a_dtype, args.a_stride);
    source.b_aligned = is_aligned(source.b, args.b_dtype, args.b_stride);
    const int a_row = row + (thread >> 2), k = (thread & 3) * 4;
    source.a_rows = args.m - a_row;
    source.a_left = args.k - k;
    source.a_index = (long long)a_row * args.a_stride + k;
    if (DepthFirst) {
        const int b_column = column + (thread & 15) * 4, b_k = thread >> 4;
        source.b_columns = args.n - b_column;
        source.b_left = args.k - b_k;
        source.b_index = (long long)b_k * args.b_stride + b_column;
        source.b_advance = (long long)SIMT_DEPTH * args.b_stride;
    } else {
        const int b_column = column + (thread >> 2);
        source.b_columns = args.n - b_column;
        source.b_left = args.k - k;
        source.b_index = (long long)b_column * args.b_stride + k;
        source.b_advance = SIMT_DEPTH;
    }
    float sums[4][4];
    sum_simt(sums, source, ceil_divide(args.k, SIMT_DEPTH));
    store_simt(gemm_result(args, row, column), sums);
}

KERNEL(gemm_simt, ck_gemm_arguments, CK_SIMT_THREADS, 3) { simt_gemm<false>(args); }
KERNEL(gemm_kn_simt, ck_gemm_arguments, CK_SIMT_THREADS, 3) { simt_gemm<true>(args); }
