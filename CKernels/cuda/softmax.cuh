// Rows of scores to probabilities, in powers of two with the scale folded in: for attention whose scores are stored.
// One row is the work of a warp or of a block: s is read twice, the second time from a cache. p may be s where both are
// f32 with equal distances of rows.

namespace softmax {

INLINE float log2_e() { return 1.44269504f; }
/// Below every score, and finite: its distance from -∞ is a number.
INLINE float least() { return -1e30f; }

/// A row, and what is added to it.
struct Row {
    const float *s, *key_bias, *head_bias;
    const u8 *seen; ///< blocks of keys; null: all
    float factor;
};
INLINE Row row_at(const ck_softmax_arguments &args, int row) {
    const int batch = row / args.queries, query = row % args.queries;
    const long long bias_row = (long long)(batch % args.heads) * args.all_queries + args.first_query + query;
    const int tiles = (args.all_queries + CK_ATTENTION_ROWS - 1) / CK_ATTENTION_ROWS;
    const int blocks = (args.keys + CK_ATTENTION_LIST_KEYS - 1) / CK_ATTENTION_LIST_KEYS;
    const int tile = batch % args.heads * tiles + (args.first_query + query) / CK_ATTENTION_ROWS;
    return {(const float *)args.s + (long long)row * args.s_stride, (const float *)args.key_bias,
            args.head_bias ? (const float *)args.head_bias + bias_row * args.keys : nullptr,
            args.block_mask ? (const u8 *)args.block_mask + (long long)tile * blocks : nullptr, args.scale * log2_e()};
}
INLINE float score(const Row &row, int key) {
    float bias = row.key_bias ? row.key_bias[key] : 0.f;
    bias += row.head_bias ? row.head_bias[key] : 0.f;
    if (row.seen && !row.seen[key / CK_ATTENTION_LIST_KEYS])
        bias = float_of_bits(0xff800000u); // -∞
    return fmaf(row.s[key], row.factor, bias * log2_e());
}

/// The largest score so far, and the sum of 2^(score - largest).
struct State {
    float most, sum;
};
INLINE State join(State x, State y) {
    const float most = fmaxf(x.most, y.most);
    return {most, x.sum * exp2_approx(x.most - most) + y.sum * exp2_approx(y.most - most)};
}
INLINE State join_warp(State x) {
    UNROLL for (int mask = 16; mask > 0; mask /= 2) {
        x = join(x, {shuffle_xor(x.most, mask), shuffle_xor(x.sum, mask)});
    }
    return x;
}

/// What one of `threads` threads finds in its keys: four at a time, so that their loads are under way together.
INLINE State read_keys(const Row &row, int keys, int thread, int threads) {
    State state = {least(), 0.f};
    NO_UNROLL for (int first = thread; first < keys; first += 4 * threads) {
        float x[4], most = state.most;
        UNROLL for (int i = 0; i < 4; i++) {
            const int key = first + i * threads;
            x[i] = key < keys ? score(row, key) : float_of_bits(0xff800000u);
            most = fmaxf(most, x[i]);
        }
        state.sum *= exp2_approx(state.most - most);
        UNROLL for (int i = 0; i < 4; i++) { state.sum += exp2_approx(x[i] - most); }
        state.most = most;
    }
    return state;
}

template <typename T>
INLINE void write_keys(const ck_softmax_arguments &args, const Row &row, int index, State state, int thread,
                       int threads) {
    T *p = (T *)args.p + (long long)index * args.p_stride;
    const float factor = state.sum > 0.f ? 1.f / state.sum : 0.f;
    NO_UNROLL for (int first = thread; first < args.p_stride; first += 4 * threads) {
        UNROLL for (int i = 0; i < 4; i++) {
            const int key = first + i * threads;
            if (key < args.p_stride) {
                const float x = key < args.keys ? exp2_approx(score(row, key) - state.most) * factor : 0.f;
                from_float(x, p[key]);
            }
        }
    }
}

template <typename T> INLINE void softmax(const ck_softmax_arguments &args) {
    enum { warps = CK_SOFTMAX_THREADS / 32 };
    const int lane = thread_index() % 32, warp = thread_index() / 32;
    if (args.keys <= CK_SOFTMAX_WARP_KEYS) {
        const int index = block_x() * warps + warp;
        if (index < args.batch * args.queries) {
            const Row row = row_at(args, index);
            const State state = join_warp(read_keys(row, args.keys, lane, 32));
            write_keys<T>(args, row, index, state, lane, 32);
        }
        return;
    }
    const Row row = row_at(args, block_x());
    State state = join_warp(read_keys(row, args.keys, thread_index(), CK_SOFTMAX_THREADS));
    const u32 shared = shared_base();
    if (lane == 0) {
        shared_store(shared + warp * 8, state.most);
        shared_store(shared + warp * 8 + 4, state.sum);
    }
    block_barrier();
    state = {least(), 0.f};
    if (lane < warps) {
        state = {shared_load(shared + lane * 8), shared_load(shared + lane * 8 + 4)};
    }
    state = join_warp(state);
    write_keys<T>(args, row, block_x(), state, thread_index(), CK_SOFTMAX_THREADS);
}

} // namespace softmax

KERNEL(softmax_f32, ck_softmax_arguments, CK_SOFTMAX_THREADS, 4) { softmax::softmax<float>(args); }
KERNEL(softmax_bf16, ck_softmax_arguments, CK_SOFTMAX_THREADS, 4) { softmax::softmax<bf16>(args); }
