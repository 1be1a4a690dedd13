// out [m, n] = epilogue(alpha · a [m, k] · b [n, k]ᵀ + bias) on sm_90a, after product_sm90.cuh.

/// Tiles that run together take so many rows and neighbouring columns, so that both operands are found in L2.
enum { ROWS_TOGETHER = 2048 };

struct MatrixTile {
    int row, column;
};

template <class S> struct MatrixProblem {
    const ck_gemm_sm90_arguments &args;
    int tile_rows, tile_columns, tiles;
    int box_columns;
    bool add;

    MatrixTile tile(int t) const {
        constexpr int TOGETHER = ROWS_TOGETHER / S::ROWS;
        const int first = t / (TOGETHER * tile_columns) * TOGETHER, height = smaller(TOGETHER, tile_rows - first);
        const int rest = t - first * tile_columns;
        return {(first + rest % height) * S::ROWS, rest / height * S::COLUMNS};
    }
    int blocks(MatrixTile) const { return ceil_divide(args.k, S::DEPTH); }

    void load(Ring<S> &ring, MatrixTile tile) const {
        const int steps = ceil_divide(args.k, S::DEPTH);
        // Where results are added, what is there comes into L2 with the last stages, a box with each.
        const int boxes = add ? S::ROWS / 64 * ceil_divide(S::COLUMNS, box_columns) : 0;
        NO_UNROLL for (int k = 0; k < steps; k++) {
            claim(ring);
            tensor_load(stage(ring), &args.a, full(ring), k * S::DEPTH, tile.row);
            tensor_load(stage(ring) + S::A_BYTES, &args.b, full(ring), k * S::DEPTH, tile.column);
            ring.at++;
            const int box = k - (steps - boxes);
            if (box >= 0)
                tensor_prefetch(&args.out, tile.column + box / (S::ROWS / 64) * box_columns,
                                tile.row + box % (S::ROWS / 64) * 64);
        }
    }
    void store(u32 box, MatrixTile tile, int column, int slab) const {
        if (add)
            tensor_add(&args.out, box, tile.column + column, tile.row + slab * 64);
        else
            tensor_store(&args.out, box, tile.column + column, tile.row + slab * 64);
    }
};

template <class S> INLINE void multiply_matrices(const ck_gemm_sm90_arguments &args) {
    const Result result = result_of(args.bias, args.gate, args.n, args.alpha, args.out_dtype, args.epilogue);
    const int rows = ceil_divide(args.m, S::ROWS), columns = ceil_divide(args.n, S::COLUMNS);
    compute<S>(MatrixProblem<S>{args, rows, columns, rows * columns, result.f32 ? 32 : 64, result.add}, result);
}

typedef Shape<192, 2, false, 64, 3, 3> Shared;
typedef Shape<192, 2, true, 64, 4, 3> Alternating;
static_assert(Shared::SHARED == CK_GEMM_SM90_256X192_SHARED, "what the host was told");
static_assert(Alternating::SHARED == CK_GEMM_SM90_128X192_SHARED, "what the host was told");

KERNEL(gemm_sm90_256x192, Aligned<ck_gemm_sm90_arguments>, CK_GEMM_SM90_THREADS, 1) { multiply_matrices<Shared>(args); }
KERNEL(gemm_sm90_128x192, Aligned<ck_gemm_sm90_arguments>, CK_GEMM_SM90_THREADS, 1) {
    multiply_matrices<Alternating>(args);
}
