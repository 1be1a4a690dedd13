// Attention for sm_90a in the manner of FlashAttention-3 (Shah et al., arXiv 2407.08608): one warpgroup copies, the
// others compute, 64 queries each. They take turns: while the tensor cores multiply for one, another takes
// exponentials; and each has its scores of a block multiplied together with its values of the block before.
//
// A block of threads works off many tiles (of queries, of one group and head). Neighbours in the grid have neighbouring
// queries of the same head, so that they find keys and values in the L2 cache.

/// HEAD columns, of which those from head_dim on are zeros; COMPUTING warpgroups; blocks of KEYS, STAGES of them at
/// once. In shared memory a matrix is cut into panels of 64 columns, 128 bytes a row.
template <int HEAD, int COMPUTING, int KEYS, int STAGES> struct Plan {
    static constexpr int head = HEAD, computing = COMPUTING, keys = KEYS, stages = STAGES;
    static constexpr int panels = HEAD / 64, queries = 64 * COMPUTING;
    static constexpr u32 query_panel = 64 * 128, key_panel = KEYS * 128;
    static constexpr u32 query_bytes = panels * query_panel, key_bytes = panels * key_panel;
    // Distances from the start of shared memory.
    static constexpr u32 q = 0; ///< of each computing warpgroup
    static constexpr u32 k = q + COMPUTING * query_bytes;
    static constexpr u32 v = k + STAGES * key_bytes;
    static constexpr u32 out = v + STAGES * key_bytes; ///< one panel of each computing warpgroup
    static constexpr u32 q_full = out + COMPUTING * query_panel;
    static constexpr u32 q_empty = q_full + 8 * COMPUTING;
    static constexpr u32 k_full = q_empty + 8 * COMPUTING;
    static constexpr u32 k_empty = k_full + 8 * STAGES;
    static constexpr u32 v_full = k_empty + 8 * STAGES;
    static constexpr u32 v_empty = v_full + 8 * STAGES;
    static constexpr u32 end = v_empty + 8 * STAGES;
};

using Arguments = Aligned<ck_attention_sm90_arguments>;

// ---- What there is to do

struct Tile {
    int query, group, head;
    int first_block, blocks; ///< in the list if there is one
};
template <typename P> INLINE int tile_count(const Arguments &args) {
    return (args.queries + P::queries - 1) / P::queries * args.groups * args.heads;
}
template <typename P> INLINE Tile tile_at(const Arguments &args, int number) {
    const int rows = (args.queries + P::queries - 1) / P::queries;
    const int row = number % rows, batch = number / rows;
    const int *start = (const int *)args.block_start;
    Tile tile = {row * P::queries, batch % args.groups, batch / args.groups, 0, (args.keys + P::keys - 1) / P::keys};
    if (start) {
        tile.first_block = start[row];
        tile.blocks = start[row + 1] - start[row];
    }
    return tile;
}
/// The first key of the block that is taken so late. They are taken from the last to the first: only the block taken
/// first may have keys beyond the end.
template <typename P> INLINE int first_key(const Arguments &args, const Tile &tile, int taken) {
    const int block = tile.first_block + tile.blocks - 1 - taken;
    const int *index = (const int *)args.block_index;
    return (index ? index[block] : block) * P::keys;
}

/// Where the ring of stages is at.
struct Stage {
    int number;
    u32 parity; ///< of this round
};
template <typename P> INLINE void advance(Stage &stage) {
    if (++stage.number == P::stages) {
        stage.number = 0;
        stage.parity ^= 1;
    }
}

// ---- Copying

/// A block of keys or values into its stage, once those who computed with the one before have left it.
template <typename P>
INLINE void copy_block(const ck_tensor_map *map, u32 ring, u32 full, u32 empty, Stage stage, int key,
                       const Tile &tile) {
    full += 8 * stage.number;
    barrier_wait(empty + 8 * stage.number, stage.parity ^ 1);
    barrier_arrive_expect(full, P::key_bytes);
    UNROLL for (int i = 0; i < P::panels; i++) tensor_load(ring + stage.number * P::key_bytes + i * P::key_panel, map,
                                                           full, 64 * i, key, tile.group, tile.head);
}

/// Keys one block ahead of values: the order in which they are used and left.
template <typename P> INLINE void copy_keys_and_values(const Arguments &args, u32 base) {
    Stage k = {0, 0}, v = {0, 0};
    NO_UNROLL for (int number = block_x(); number < tile_count<P>(args); number += grid_x()) {
        const Tile tile = tile_at<P>(args, number);
        int value = 0;
        NO_UNROLL for (int taken = 0; taken <= tile.blocks; taken++) {
            int key = 0;
            if (taken < tile.blocks) {
                key = first_key<P>(args, tile, taken);
                copy_block<P>(&args.k, base + P::k, base + P::k_full, base + P::k_empty, k, key, tile);
                advance<P>(k);
            }
            if (taken > 0) {
                copy_block<P>(&args.v, base + P::v, base + P::v_full, base + P::v_empty, v, value, tile);
                advance<P>(v);
            }
            value = key;
        }
    }
}

/// Each warpgroup's queries, once it has no more use for the ones before.
template <typename P> INLINE void copy_queries(const Arguments &args, u32 base) {
    u32 parity = 0;
    NO_UNROLL for (int number = block_x(); number < tile_count<P>(args); number += grid_x()) {
        const Tile tile = tile_at<P>(args, number);
        NO_UNROLL for (int w = 0; w < P::computing; w++) {
            const u32 full = base + P::q_full + 8 * w;
            barrier_wait(base + P::q_empty + 8 * w, parity ^ 1);
            barrier_arrive_expect(full, P::query_bytes);
            UNROLL for (int i = 0; i < P::panels; i++)
                tensor_load(base + P::q + w * P::query_bytes + i * P::query_panel, &args.q, full, 64 * i,
                            tile.query + 64 * w, tile.group, tile.head);
        }
        parity ^= 1;
    }
}

// ---- Computing

/// What a computing thread holds of its two rows, 8 apart: element i of an array is in row i / 2 % 2.
template <typename P> struct Rows {
    float reference[2]; ///< what the scores are taken relative to, in powers of two
    float sum[2];       ///< of the weights, this thread's part
    float o[P::head / 2];
    u32 p[P::keys / 16][4]; ///< weights of the latest block, as left operands
};

/// The stage that is next, with the descriptors of its matrices kept up to date: computed from its number they would
/// delay each turn's first product.
struct Operands {
    Stage stage;
    u64 k, v;
};
template <typename P> INLINE void advance(Operands &next) {
    advance<P>(next.stage);
    const int step = (int)(P::key_bytes >> 4) * (next.stage.number > 0 ? 1 : 1 - P::stages);
    next.k += step;
    next.v += step;
}

/// Begins s [64, keys] = q kᵀ.
template <typename P> INLINE void begin_scores(float (&s)[P::keys / 2], u64 q, u64 k) {
    warpgroup_multiply<P::keys, 0, 0>(s, q, k);
    UNROLL for (int i = 1; i < P::head / 16; i++) warpgroup_multiply<P::keys, 0, 1>(
        s, q + i / 4 * (P::query_panel >> 4) + i % 4 * 2, k + i / 4 * (P::key_panel >> 4) + i % 4 * 2);
    warpgroup_commit();
}
/// Begins o [64, head] += p v.
template <typename P> INLINE void begin_values(Rows<P> &rows, u64 v) {
    UNROLL for (int i = 0; i < P::keys / 16; i++) warpgroup_multiply<P::head, 1, 1>(rows.o, rows.p[i], v + i * 128);
    warpgroup_commit();
}

/// Keys from `valid` on get no weight, the one before them is raised.
template <int N> INLINE void mask_keys(float (&s)[N], int valid, float raise) {
    const int column = thread_index() % 4 * 2;
    UNROLL for (int i = 0; i < N; i++) {
        const int left = valid - (column + i / 4 * 8 + i % 2);
        s[i] = left > 1 ? s[i] : left == 1 ? s[i] + raise : -1e30f;
    }
}
/// The greatest of this thread's scores in each row.
template <int N> INLINE void find_greatest(const float (&s)[N], float (&greatest)[2]) {
    UNROLL for (int r = 0; r < 2; r++) greatest[r] = fmaxf(s[2 * r], s[2 * r + 1]);
    UNROLL for (int i = 4; i < N; i += 2) greatest[i / 2 % 2] = fmaxf(greatest[i / 2 % 2], fmaxf(s[i], s[i + 1]));
}
/// Over the four threads that share a row.
INLINE float greatest_in_row(float x) {
    x = fmaxf(x, shuffle_xor(x, 1));
    return fmaxf(x, shuffle_xor(x, 2));
}
INLINE float sum_in_row(float x) {
    x += shuffle_xor(x, 1);
    return x + shuffle_xor(x, 2);
}
/// s = 2 ^ (scale · s - reference), added to the sums.
template <typename P> INLINE void take_exponentials(Rows<P> &rows, float (&s)[P::keys / 2], float scale) {
    UNROLL for (int i = 0; i < P::keys / 2; i++) s[i] = exp2_approx(fmaf(s[i], scale, -rows.reference[i / 2 % 2]));
    UNROLL for (int i = 0; i < P::keys / 2; i += 2) rows.sum[i / 2 % 2] += s[i] + s[i + 1];
}
/// A product's result is laid out as the next one's left operand, two columns to a register.
template <typename P> INLINE void pack_weights(Rows<P> &rows, const float (&s)[P::keys / 2]) {
    UNROLL for (int i = 0; i < P::keys / 4; i++) rows.p[i / 4][i % 4] = pack_bf16(s[2 * i], s[2 * i + 1]);
}

/// A tile's first block: sets the references, leaves the weights in p and the block's values to be multiplied.
template <typename P>
INLINE void begin_rows(Rows<P> &rows, u32 base, u64 q, const Operands &next, int valid, float raise, float scale) {
    float s[P::keys / 2], greatest[2];
    barrier_wait(base + P::k_full + 8 * next.stage.number, next.stage.parity);
    warpgroup_fence();
    begin_scores<P>(s, q, next.k);
    warpgroup_wait<0>();
    keep(s);
    if (thread_index() % 128 == 0)
        barrier_arrive(base + P::k_empty + 8 * next.stage.number);
    if (valid <= P::keys)
        mask_keys(s, valid, raise);
    find_greatest(s, greatest);
    UNROLL for (int r = 0; r < 2; r++) {
        rows.reference[r] = greatest_in_row(greatest[r]) * scale;
        rows.sum[r] = 0;
    }
    take_exponentials(rows, s, scale);
    pack_weights(rows, s);
    UNROLL for (int i = 0; i < P::head / 2; i++) rows.o[i] = 0;
    barrier_wait(base + P::v_full + 8 * next.stage.number, next.stage.parity);
}

/// Any further block: its scores and the values of the block before are multiplied in one turn.
template <typename P>
INLINE void add_block(Rows<P> &rows, u32 base, u64 q, Operands &next, int turn, int next_turn, float scale) {
    /// A reference stands until scores exceed it by this many powers of two, which f32 and bf16 have to spare; so what
    /// was summed rarely has to change its unit after a row's first blocks.
    constexpr float slack = 8;
    float s[P::keys / 2], greatest[2], factor[2];
    const Operands before = next;
    advance<P>(next);
    barrier_wait(base + P::k_full + 8 * next.stage.number, next.stage.parity);
    named_barrier_sync(turn, 256);
    warpgroup_fence();
    begin_scores<P>(s, q, next.k);
    begin_values<P>(rows, before.v);
    named_barrier_arrive(next_turn, 256);
    warpgroup_wait<1>();
    keep(s);
    if (thread_index() % 128 == 0)
        barrier_arrive(base + P::k_empty + 8 * next.stage.number);
    find_greatest(s, greatest);
    const bool raise = warp_any(fmaf(greatest[0], scale, -rows.reference[0]) > slack ||
                                fmaf(greatest[1], scale, -rows.reference[1]) > slack);
    if (raise)
        UNROLL for (int r = 0; r < 2; r++) {
            const float reference = fmaxf(rows.reference[r], greatest_in_row(greatest[r]) * scale);
            factor[r] = exp2_approx(rows.reference[r] - reference);
            rows.reference[r] = reference;
            rows.sum[r] *= factor[r];
        }
    take_exponentials(rows, s, scale);
    // For the next turn: there the wait would stand between the two products. A parity that depends on the sums,
    // never negative, keeps the compiler from moving the exponentials behind the products that they are to run beside.
    barrier_wait(base + P::v_full + 8 * next.stage.number,
                 next.stage.parity ^ (u32)(rows.sum[0] + rows.sum[1] < 0));
    warpgroup_wait<0>();
    keep(rows.o);
    UNROLL for (int i = 0; i < P::keys / 16; i++) keep(rows.p[i]);
    if (thread_index() % 128 == 0)
        barrier_arrive(base + P::v_empty + 8 * before.stage.number);
    pack_weights(rows, s);
    if (raise)
        UNROLL for (int i = 0; i < P::head / 2; i++) rows.o[i] *= factor[i / 2 % 2];
}

/// The last block's values, and the division by the sums.
template <typename P> INLINE void end_rows(Rows<P> &rows, u32 base, Operands &next) {
    warpgroup_fence();
    begin_values<P>(rows, next.v);
    float factor[2];
    UNROLL for (int r = 0; r < 2; r++) factor[r] = reciprocal_approx(sum_in_row(rows.sum[r]));
    warpgroup_wait<0>();
    keep(rows.o);
    if (thread_index() % 128 == 0)
        barrier_arrive(base + P::v_empty + 8 * next.stage.number);
    advance<P>(next);
    UNROLL for (int i = 0; i < P::head / 2; i++) rows.o[i] *= factor[i / 2 % 2];
}

/// Panel by panel through shared memory; the copy engine leaves out rows and columns outside the tensor.
template <typename P>
INLINE void store_rows(const Arguments &args, const Rows<P> &rows, u32 panel, int barrier, int query,
                       const Tile &tile) {
    const int thread = thread_index() % 128;
    const int row = thread / 32 * 16 + thread % 16, chunk = thread / 16 % 2;
    UNROLL for (int i = 0; i < P::panels; i++) {
        if (thread == 0)
            tensor_store_wait_read();
        named_barrier_sync(barrier, 128);
        UNROLL for (int j = 0; j < 4; j++) {
            u32 r[4];
            UNROLL for (int n = 0; n < 4; n++) r[n] =
                pack_bf16(rows.o[32 * i + 8 * j + 2 * n], rows.o[32 * i + 8 * j + 2 * n + 1]);
            store_matrices(panel + row * 128 + ((2 * j + chunk) ^ (row % 8)) * 16, r[0], r[1], r[2], r[3]);
        }
        proxy_fence();
        named_barrier_sync(barrier, 128);
        if (thread == 0) {
            tensor_store(&args.out, panel, 64 * i, query, tile.group, tile.head);
            tensor_store_commit();
        }
    }
}

/// Warpgroup w's rows of every tile. Named barriers 1… give the turn to each warpgroup, those after them hold each
/// together.
template <typename P> INLINE void compute(const Arguments &args, u32 base, int w) {
    const float scale = args.scale * 1.44269504f;
    const float raise = args.last_bias ? *(const float *)args.last_bias / args.scale : 0;
    const int turn = 1 + w, next_turn = 1 + (w + 1) % P::computing, together = 1 + P::computing + w;
    const u64 q = descriptor_k_major(base + P::q + w * P::query_bytes);
    Operands next = {{0, 0}, descriptor_k_major(base + P::k), descriptor_mn_major(base + P::v, P::key_panel)};
    u32 parity = 0;
    if (w == P::computing - 1)
        named_barrier_arrive(next_turn, 256);
    NO_UNROLL for (int number = block_x(); number < tile_count<P>(args); number += grid_x()) {
        const Tile tile = tile_at<P>(args, number);
        Rows<P> rows;
        barrier_wait(base + P::q_full + 8 * w, parity);
        begin_rows<P>(rows, base, q, next, args.keys - first_key<P>(args, tile, 0), raise, scale);
        NO_UNROLL for (int taken = 1; taken < tile.blocks; taken++)
            add_block<P>(rows, base, q, next, turn, next_turn, scale);
        if (thread_index() % 128 == 0)
            barrier_arrive(base + P::q_empty + 8 * w);
        parity ^= 1;
        end_rows<P>(rows, base, next);
        store_rows<P>(args, rows, base + P::out + w * P::query_panel, together, tile.query + 64 * w, tile);
    }
    if (thread_index() % 128 == 0)
        tensor_store_wait();
}

template <typename P> INLINE void start_barriers(u32 base) {
    UNROLL for (int i = 0; i < P::computing; i++) {
        barrier_init(base + P::q_full + 8 * i, 1);
        barrier_init(base + P::q_empty + 8 * i, 1);
    }
    UNROLL for (int i = 0; i < P::stages; i++) {
        barrier_init(base + P::k_full + 8 * i, 1);
        barrier_init(base + P::v_full + 8 * i, 1);
        barrier_init(base + P::k_empty + 8 * i, P::computing);
        barrier_init(base + P::v_empty + 8 * i, P::computing);
    }
    barrier_init_fence();
}

/// With the registers that a computing and a copying thread have after dividing up the block's.
template <typename P, int COMPUTING_REGISTERS, int COPYING_REGISTERS> INLINE void attention(const Arguments &args) {
    const u32 base = shared_base();
    const int warp = (int)shuffle_from((u32)thread_index() / 32, 0);
    if (thread_index() == 0)
        start_barriers<P>(base);
    block_barrier();
    if (warp < 4 * P::computing) {
        registers_increase<COMPUTING_REGISTERS>();
        compute<P>(args, base, warp / 4);
    } else {
        registers_decrease<COPYING_REGISTERS>();
        if (thread_index() == 128 * P::computing)
            copy_keys_and_values<P>(args, base);
        else if (thread_index() == 128 * P::computing + 32)
            copy_queries<P>(args, base);
    }
}

KERNEL(attention_sm90_128, Arguments, CK_ATTENTION_SM90_128_THREADS, 1) {
    using P = Plan<128, CK_ATTENTION_SM90_128_QUERIES / 64, CK_ATTENTION_SM90_128_KEYS, 2>;
    static_assert(P::end + 1024 <= CK_ATTENTION_SM90_128_SHARED_BYTES, "with room to align");
    attention<P, 240, 24>(args);
}
KERNEL(attention_sm90_64, Arguments, CK_ATTENTION_SM90_64_THREADS, 1) {
    using P = Plan<64, CK_ATTENTION_SM90_64_QUERIES / 64, CK_ATTENTION_SM90_64_KEYS, 3>;
    static_assert(P::end + 1024 <= CK_ATTENTION_SM90_64_SHARED_BYTES, "with room to align");
    attention<P, 160, 32>(args);
}
