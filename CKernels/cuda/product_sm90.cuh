// What the matrix product and the convolution share on sm_90a, after wgmma.cuh: a block is two warpgroups that multiply
// (the consumers) and one that has the copy engine fetch their operands (the producer).
//
// Blocks stay: block i computes the tiles i, i + grid, … Where the consumers alternate, each has every second of these
// tiles for itself: one multiplies while the other turns its sums into results. Where they share, each has half of the
// rows of every tile. Results leave through shared memory and the copy engine, which leaves out what is not part of the
// matrix and adds to memory where the epilogue wants it.

enum { DTYPE_F32, DTYPE_BF16 };                                                         // ck_dtype
enum { EPILOGUE_NONE, EPILOGUE_GELU, EPILOGUE_SILU, EPILOGUE_ADD, EPILOGUE_GATED_ADD }; // ck_epilogue

INLINE int ceil_divide(int x, int by) { return (x + by - 1) / by; }
INLINE int smaller(int x, int y) { return x < y ? x : y; }

/// Numbers of named barriers, each plus that of a consumer.
enum { RESULT_BARRIER = 1, TURN_BARRIER = 3 };

/// A box of results: 64 rows of 128 bytes.
enum { BOX_BYTES = 64 * 128 };

/// COLUMNS of a tile; SLABS of 64 rows of it that one consumer has; DEPTH columns of both operands in a stage; BUFFERS
/// of one box for each consumer's results.
template <int COLUMNS_, int SLABS_, bool ALTERNATE_, int DEPTH_, int STAGES_, int BUFFERS_> struct Shape {
    static constexpr int COLUMNS = COLUMNS_, SLABS = SLABS_, DEPTH = DEPTH_, STAGES = STAGES_, BUFFERS = BUFFERS_;
    static constexpr bool ALTERNATE = ALTERNATE_;
    static constexpr int ROWS = SLABS * 64 * (ALTERNATE ? 1 : 2);
    /// Whether a lane has registers left for the factors of the 32 columns after those it works on.
    static constexpr bool AHEAD = SLABS == 1;
    static constexpr u32 SLAB_BYTES = 64 * DEPTH * 2;
    static constexpr u32 A_BYTES = ROWS * DEPTH * 2, STAGE_BYTES = A_BYTES + COLUMNS * DEPTH * 2;
    static constexpr u32 RESULTS = STAGES * STAGE_BYTES, BARRIERS = RESULTS + 2 * BUFFERS * BOX_BYTES;
    static constexpr int SHARED = BARRIERS + STAGES * 16 + 1024;
    static_assert(DEPTH == 64 || DEPTH == 32, "the widths of swizzled rows");
    static_assert(STAGE_BYTES % 1024 == 0 && A_BYTES % 1024 == 0, "what swizzling wants");
    static_assert(SHARED <= 227 * 1024, "what a block can have");
};

// ---- Stages

/// The stages in the order of their use, counted from the block's first.
template <class S> struct Ring {
    u32 base;
    u32 at;
};
template <class S> INLINE u32 stage(const Ring<S> &ring) { return ring.base + ring.at % S::STAGES * S::STAGE_BYTES; }
/// Ends a phase when the stage's operands are there.
template <class S> INLINE u32 full(const Ring<S> &ring) { return ring.base + S::BARRIERS + ring.at % S::STAGES * 8; }
/// Ends a phase when they have been read.
template <class S> INLINE u32 empty(const Ring<S> &ring) { return full(ring) + S::STAGES * 8; }
template <class S> INLINE u32 parity(const Ring<S> &ring) { return ring.at / S::STAGES & 1; }

/// Waits until the next stage may be overwritten and announces its operands.
template <class S> INLINE void claim(const Ring<S> &ring) {
    barrier_wait(empty(ring), parity(ring) ^ 1);
    barrier_arrive_expect(full(ring), S::STAGE_BYTES);
}

// ---- Products

template <int DEPTH> INLINE u64 operand(u32 address) {
    return DEPTH == 64 ? descriptor_k_major(address) : descriptor_k_major_32(address);
}

/// Issues the products of one stage; with FIRST the sums start there.
template <class S, bool FIRST> INLINE void multiply_stage(float (&d)[S::SLABS][S::COLUMNS / 2], u32 a, u32 b) {
    const u64 column = operand<S::DEPTH>(b);
    UNROLL for (int s = 0; s < S::SLABS; s++) {
        const u64 row = operand<S::DEPTH>(a + s * S::SLAB_BYTES);
        if constexpr (FIRST)
            warpgroup_multiply<S::COLUMNS, 0, 0>(d[s], row, column);
        else
            warpgroup_multiply<S::COLUMNS, 0, 1>(d[s], row, column);
        UNROLL for (int k = 1; k < S::DEPTH / 16; k++)
            warpgroup_multiply<S::COLUMNS, 0, 1>(d[s], row + 2 * k, column + 2 * k);
    }
    warpgroup_commit();
}

/// The sums of one tile. A stage is given back when the products of the next have been issued and its own are done, so
/// that the tensor cores always have work; each warp says so for its part. Where the other consumer is `next`, it is
/// told when all products have been issued: not earlier, because a barrier tells only neighbouring phases apart.
template <class S>
INLINE void multiply_tile(float (&d)[S::SLABS][S::COLUMNS / 2], Ring<S> &ring, int blocks, u32 rows, int thread,
                          int next) {
    barrier_wait(full(ring), parity(ring));
    warpgroup_fence();
    multiply_stage<S, true>(d, stage(ring) + rows, stage(ring) + S::A_BYTES);
    NO_UNROLL for (int k = 1; k < blocks; k++) {
        const u32 done = empty(ring);
        ring.at++;
        barrier_wait(full(ring), parity(ring));
        warpgroup_fence();
        multiply_stage<S, false>(d, stage(ring) + rows, stage(ring) + S::A_BYTES);
        warpgroup_wait<1>();
        if (thread % 32 == 0)
            barrier_arrive(done);
    }
    if (next >= 0)
        named_barrier_arrive(TURN_BARRIER + next, 256);
    warpgroup_wait<0>();
    UNROLL for (int s = 0; s < S::SLABS; s++) keep(d[s]);
    if (thread % 32 == 0)
        barrier_arrive(empty(ring));
    ring.at++;
}

// ---- From sums to results

/// What becomes of z = alpha · sum + bias.
enum Finish {
    FINISH_PLAIN,
    FINISH_GATED,     ///< z · gate
    FINISH_ACTIVATED, ///< z / (1 + 2^(z · (linear + cubic · z²)))
};

struct Result {
    const float *bias, *gate; ///< bias may be null
    int columns;              ///< of the whole matrix, a multiple of 8
    Finish finish;
    bool f32, add;
    float alpha;
    float linear, cubic;
};

INLINE Result result_of(ck_address bias, ck_address gate, int columns, float alpha, int dtype, int epilogue) {
    const bool gelu = epilogue == EPILOGUE_GELU, gated = epilogue == EPILOGUE_GATED_ADD;
    // SiLU is z / (1 + e^-z), GELU's tanh approximation z / (1 + e^-2u) with u = sqrt(2 / π) (z + 0.044715 z³).
    const float linear = gelu ? -2.3022082f : -1.44269504f; // -2 sqrt(2 / π) log2 e, -log2 e
    const float cubic = gelu ? linear * 0.044715f : 0.f;
    const Finish finish = gelu || epilogue == EPILOGUE_SILU ? FINISH_ACTIVATED : gated ? FINISH_GATED : FINISH_PLAIN;
    const bool add = gated || epilogue == EPILOGUE_ADD;
    return {(const float *)bias, (const float *)gate, columns, finish, dtype == DTYPE_F32, add, alpha, linear, cubic};
}

/// What a lane needs for its 8 columns of 32: 8 j + 2 (lane % 4) + e is number 2 j + e.
struct Factors {
    float bias[8], gate[8];
};

INLINE void load_pairs(float (&x)[8], const float *values, int column, int columns) {
    UNROLL for (int j = 0; j < 4; j++) {
        Vector<float, 2> pair = {};
        if (values && column + 8 * j < columns)
            pair = *(const Vector<float, 2> *)(values + column + 8 * j);
        x[2 * j] = pair.v[0];
        x[2 * j + 1] = pair.v[1];
    }
}
template <Finish FINISH> INLINE Factors factors_of(const Result &result, int column) {
    Factors factors;
    load_pairs(factors.bias, result.bias, column, result.columns);
    if constexpr (FINISH == FINISH_GATED)
        load_pairs(factors.gate, result.gate, column, result.columns);
    return factors;
}

/// A lane's results in 32 columns of a slab: number 4 j + 2 h + e is in row 8 h + lane / 4 of the warp, column 8 j + 2
/// (lane % 4) + e.
template <Finish FINISH>
INLINE void finish(float (&y)[16], const float *sums, const Factors &factors, const Result &result) {
    UNROLL for (int i = 0; i < 16; i++) {
        const int c = 2 * (i / 4) + i % 2;
        const float z = fmaf(result.alpha, sums[i], factors.bias[c]);
        if constexpr (FINISH == FINISH_ACTIVATED) {
            const float power = z * fmaf(result.cubic, z * z, result.linear);
            y[i] = z * reciprocal_approx(1.f + exp2_approx(power));
        } else {
            y[i] = FINISH == FINISH_GATED ? z * factors.gate[c] : z;
        }
    }
}

/// Where a lane writes into a box, whose rows are swizzled: 16-byte piece p of row r lies at p ^ r % 8.
///
/// bf16, as store_matrices wants it: the row and the half of 16 columns that this lane addresses. f32: its row and pair
/// of columns; lanes in odd rows write the pieces 64 bytes further first, so that no two lanes meet in a bank.
template <bool F32> INLINE u32 place_in_box(int thread) {
    const int lane = thread % 32;
    const int row = thread / 32 * 16 + (F32 ? lane / 4 : lane % 16);
    const int byte = F32 ? lane % 4 * 8 ^ row % 2 * 64 : lane / 16 * 16;
    return (u32)(row * 128 + (byte ^ row % 8 * 16));
}

/// Writes 32 columns: a box of f32 (half 0), or half of a box of bf16.
template <bool F32> INLINE void write_results(u32 place, const float (&y)[16], int half, bool odd) {
    if constexpr (F32) {
        UNROLL for (int j = 0; j < 2; j++) {
            UNROLL for (int h = 0; h < 2; h++) {
                const int near = 4 * j + 2 * h, far = near + 8;
                const Vector<float, 2> first = {{odd ? y[far] : y[near], odd ? y[far + 1] : y[near + 1]}};
                const Vector<float, 2> second = {{odd ? y[near] : y[far], odd ? y[near + 1] : y[far + 1]}};
                shared_store_2((place ^ (u32)(j * 32)) + h * 1024, first);
                shared_store_2((place ^ (u32)(j * 32 + 64)) + h * 1024, second);
            }
        }
    } else {
        UNROLL for (int i = 0; i < 2; i++) {
            const float *part = y + 8 * i;
            store_matrices(place ^ (u32)(half * 64 + i * 32), pack_bf16(part[0], part[1]), pack_bf16(part[2], part[3]),
                           pack_bf16(part[4], part[5]), pack_bf16(part[6], part[7]));
        }
    }
}

/// Turns the sums of a consumer's slabs into results, box by box. A box is written while the copy engine reads the
/// ones before; problem.store(box, tile, column, slab) starts its copy.
template <class S, bool F32, Finish FINISH, class Problem, class Tile>
INLINE void store_tile(const float (&d)[S::SLABS][S::COLUMNS / 2], const Problem &problem, const Tile &tile,
                       const Result &result, u32 boxes, int consumer, int thread) {
    constexpr int WIDTH = F32 ? 32 : 64, BOXES = (S::COLUMNS + WIDTH - 1) / WIDTH * S::SLABS;
    static_assert(BOXES % S::BUFFERS == 0, "the next tile goes on with the buffer that is free");
    const int first_slab = S::ALTERNATE ? 0 : consumer * S::SLABS;
    const int lane_column = tile.column + thread % 4 * 2;
    const u32 place = boxes + place_in_box<F32>(thread);
    const bool leader = thread == 0, odd = thread / 4 % 2 != 0;
    Factors next;
    if (S::AHEAD)
        next = factors_of<FINISH>(result, lane_column);
    UNROLL for (int column = 0; column < S::COLUMNS; column += WIDTH) {
        UNROLL for (int s = 0; s < S::SLABS; s++) {
            const u32 buffer = (column / WIDTH * S::SLABS + s) % S::BUFFERS * BOX_BYTES;
            UNROLL for (int half = 0; half < WIDTH / 32; half++) {
                const int at = column + half * 32;
                if (at >= S::COLUMNS)
                    break;
                const Factors factors = S::AHEAD ? next : factors_of<FINISH>(result, lane_column + at);
                if (S::AHEAD && at + 32 < S::COLUMNS)
                    next = factors_of<FINISH>(result, lane_column + at + 32);
                float y[16];
                finish<FINISH>(y, &d[s][at / 2], factors, result);
                write_results<F32>(place + buffer, y, half, odd);
            }
            if (leader)
                tensor_store_wait_read<S::BUFFERS - 2>();
            proxy_fence();
            named_barrier_sync(RESULT_BARRIER + consumer, 128);
            if (leader) {
                problem.store(boxes + buffer, tile, column, first_slab + s);
                tensor_store_commit();
            }
        }
    }
}

template <class S, bool F32, class Problem, class Tile>
INLINE void finish_tile(const float (&d)[S::SLABS][S::COLUMNS / 2], const Problem &problem, const Tile &tile,
                        const Result &result, u32 boxes, int consumer, int thread) {
    if (result.finish == FINISH_ACTIVATED)
        store_tile<S, F32, FINISH_ACTIVATED>(d, problem, tile, result, boxes, consumer, thread);
    else if (result.finish == FINISH_GATED)
        store_tile<S, F32, FINISH_GATED>(d, problem, tile, result, boxes, consumer, thread);
    else
        store_tile<S, F32, FINISH_PLAIN>(d, problem, tile, result, boxes, consumer, thread);
}

// ---- The block

template <class S, class Problem> INLINE void produce(const Problem &problem, u32 base) {
    Ring<S> ring = {base, 0};
    NO_UNROLL for (int t = block_x(); t < problem.tiles; t += grid_x()) problem.load(ring, problem.tile(t));
}

template <class S, class Problem>
INLINE void consume(const Problem &problem, const Result &result, u32 base, int consumer, int thread) {
    const u32 boxes = base + S::RESULTS + consumer * S::BUFFERS * BOX_BYTES;
    const u32 rows = S::ALTERNATE ? 0 : consumer * S::SLABS * S::SLAB_BYTES;
    Ring<S> ring = {base, 0};
    int turn = 0;
    NO_UNROLL for (int t = block_x(); t < problem.tiles; t += grid_x(), turn ^= 1) {
        const auto tile = problem.tile(t);
        const int blocks = problem.blocks(tile);
        if (S::ALTERNATE && turn != consumer) {
            ring.at += blocks;
            continue;
        }
        const bool first = t == block_x(), last = t + grid_x() >= problem.tiles;
        if (S::ALTERNATE && !first)
            named_barrier_sync(TURN_BARRIER + consumer, 256);
        float d[S::SLABS][S::COLUMNS / 2];
        multiply_tile(d, ring, blocks, rows, thread, S::ALTERNATE && !last ? 1 - consumer : -1);
        if (result.f32)
            finish_tile<S, true>(d, problem, tile, result, boxes, consumer, thread);
        else
            finish_tile<S, false>(d, problem, tile, result, boxes, consumer, thread);
    }
    if (thread == 0)
        tensor_store_wait();
}

/// A block of 384 threads. A problem has tiles, tile(t), blocks(tile) (stages of it), load(ring, tile) and store(box,
/// tile, column, slab).
template <class S, class Problem> INLINE void compute(const Problem &problem, const Result &result) {
    const u32 base = shared_base();
    const int warpgroup = (int)shuffle_from((u32)thread_index() / 128, 0), thread = thread_index() % 128;
    if (thread_index() == 0) {
        UNROLL for (u32 i = 0; i < S::STAGES; i++) {
            barrier_init(full(Ring<S>{base, i}), 1);
            barrier_init(empty(Ring<S>{base, i}), S::ALTERNATE ? 4 : 8);
        }
        barrier_init_fence();
    }
    block_barrier();
    if (warpgroup == 2) {
        registers_decrease<40>();
        if (thread == 0)
            produce<S>(problem, base);
    } else {
        registers_increase<232>();
        consume<S>(problem, result, base, warpgroup, thread);
    }
}
