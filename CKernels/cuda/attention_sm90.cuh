// Attention for sm_90a in the manner of FlashAttention-3 (Shah et al., arXiv 2407.08608): one warpgroup copies, the
// others compute 64 queries each. While the tensor cores multiply for one of them, another takes exponentials.
//
// A block of threads works off tiles (of queries, of one group and head), neighbours in the grid on neighbouring
// queries of the same head, so that they find its keys and values in the L2 cache.

/// Where a ring of stages is at: the stage, and the parity of its current round.
struct Cursor {
    int stage;
    u32 parity;
};
template <int STAGES> INLINE void advance(Cursor &at) {
    if (++at.stage == STAGES) {
        at.stage = 0;
        at.parity ^= 1;
    }
}

/// HEAD columns (those above head_dim are zeros), COMPUTING warpgroups, KEYS in a block. A panel is 64 columns, 128
/// bytes a row, as the copy engine and the tensor cores want it.
template <int HEAD, int COMPUTING, int KEYS, int STAGES> struct Plan {
    static constexpr int panels = HEAD / 64;
    static constexpr int queries = 64 * COMPUTING;
    static constexpr u32 query_panel = 64 * 128, key_panel = KEYS * 128;
    static constexpr u32 query_bytes = panels * query_panel, key_bytes = panels * key_panel;

    static constexpr u32 q = 0; ///< of each computing warpgroup
    static constexpr u32 k = q + COMPUTING * query_bytes;
    static constexpr u32 v = k + STAGES * key_bytes;
    static constexpr u32 out = v + STAGES * key_bytes; ///< a panel of each computing warpgroup
    static constexpr u32 q_full = out + COMPUTING * query_panel;
    static constexpr u32 q_empty = q_full + 8 * COMPUTING;
    static constexpr u32 k_full = q_empty + 8 * COMPUTING;
    static constexpr u32 k_empty = k_full + 8 * STAGES;
    static constexpr u32 v_full = k_empty + 8 * STAGES;
    static constexpr u32 v_empty = v_full + 8 * STAGES;
    static constexpr u32 bytes = v_empty + 8 * STAGES;
};

struct Tile {
    int query, group, head;
    int first_block, blocks; ///< in the list if there is one
};
template <int QUERIES, int KEYS> INLINE Tile tile_at(const ck_attention_sm90_arguments &args, int number) {
    const int rows = (args.queries + QUERIES - 1) / QUERIES;
    const int row = number % rows, batch = number / rows;
    const int *start = (const int *)args.block_start;
    Tile tile = {row * QUERIES, batch % args.groups, batch / args.groups, 0, (args.keys + KEYS - 1) / KEYS};
    if (start) {
        tile.first_block = start[row];
        tile.blocks = start[row + 1] - start[row];
    }
    return tile;
}
template <int QUERIES> INLINE int tile_count(const ck_attention_sm90_arguments &args) {
    return (args.queries + QUERIES - 1) / QUERIES * args.groups * args.heads;
}
/// The first key of a tile's block; they are taken from the last to the first, so that only the one taken first may
/// have keys beyond the end.
template <int KEYS> INLINE int first_key(const ck_attention_sm90_arguments &args, const Tile &tile, int taken) {
    const int block = tile.first_block + tile.blocks - 1 - taken;
    const int *index = (const int *)args.block_index;
    return (index ? index[block] : block) * KEYS;
}

// ---- Copying

/// One stage of keys or values, once those who computed with it before have left it.
template <typename P>
INLINE void load_keys(const ck_tensor_map *map, u32 to, u32 full, u32 empty, Cursor at, int key, const Tile &tile) {
    barrier_wait(empty + 8 * at.stage, at.parity ^ 1);
    barrier_arrive_expect(full + 8 * at.stage, P::key_bytes);
    UNROLL for (int i = 0; i < P::panels; i++) tensor_load(to + at.stage * P::key_bytes + i * P::key_panel, map,
                                                           full + 8 * at.stage, 64 * i, key, tile.group, tile.head);
}

/// Keys one block ahead of values, the order in which they are used and left.
template <typename P, int KEYS, int STAGES>
INLINE void copy_keys_and_values(const Aligned<ck_attention_sm90_arguments> &args, u32 base) {
    Cursor k = {0, 0}, v = {0, 0};
    NO_UNROLL for (int number = block_x(); number < tile_count<P::queries>(args); number += grid_x()) {
        const Tile tile = tile_at<P::queries, KEYS>(args, number);
        int key = first_key<KEYS>(args, tile, 0);
        load_keys<P>(&args.k, base + P::k, base + P::k_full, base + P::k_empty, k, key, tile);
        advance<STAGES>(k);
        NO_UNROLL for (int taken = 1; taken <= tile.blocks; taken++) {
            const int value = key;
            if (taken < tile.blocks) {
                key = first_key<KEYS>(args, tile, taken);
                load_keys<P>(&args.k, base + P::k, base + P::k_full, base + P::k_empty, k, key, tile);
                advance<STAGES>(k);
            }
            load_keys<P>(&args.v, base + P::v, base + P::v_full, base + P::v_empty, v, value, tile);
            advance<STAGES>(v);
        }
    }
}

/// Each warpgroup's queries, as soon as it has no more use for the ones before.
template <typename P, int KEYS, int COMPUTING>
INLINE void copy_queries(const Aligned<ck_attention_sm90_arguments> &args, u32 base) {
    u32 parity = 0;
    NO_UNROLL for (int number = block_x(); number < tile_count<P::queries>(args); number += grid_x()) {
        const Tile tile = tile_at<P::queries, KEYS>(args, number);
        NO_UNROLL for (int w = 0; w < COMPUTING; w++) {
            barrier_wait(base + P::q_empty + 8 * w, parity ^ 1);
            barrier_arrive_expect(base + P::q_full + 8 * w, P::query_bytes);
            UNROLL for (int i = 0; i < P::panels; i++)
                tensor_load(base + P::q + w * P::query_bytes + i * P::query_panel, &args.q, base + P::q_full + 8 * w,
                            64 * i, tile.query + 64 * w, tile.group, tile.head);
        }
        parity ^= 1;
    }
}

// ---- Computing: element i of a thread's scores is in row i / 2 % 2 of its two, 8 rows apart

/// s [64, KEYS] = q kᵀ, begun.
template <typename P, int HEAD, int KEYS> INLINE void begin_scores(float (&s)[KEYS / 2], u64 q, u64 k) {
    warpgroup_multiply<KEYS, 0, 0>(s, q, k);
    UNROLL for (int i = 1; i < HEAD / 16; i++) warpgroup_multiply<KEYS, 0, 1>(
        s, q + i / 4 * (P::query_panel >> 4) + i % 4 * 2, k + i / 4 * (P::key_panel >> 4) + i % 4 * 2);
    warpgroup_commit();
}
/// o [64, HEAD] += p v, begun.
template <int HEAD, int KEYS> INLINE void begin_values(float (&o)[HEAD / 2], const u32 (&p)[KEYS / 16][4], u64 v) {
    UNROLL for (int i = 0; i < KEYS / 16; i++) warpgroup_multiply<HEAD, 1, 1>(o, p[i], v + i * 128);
    warpgroup_commit();
}

/// Keys from `valid` on get no weight.
template <int N> INLINE void mask_keys(float (&s)[N], int valid) {
    const int column = thread_index() % 4 * 2;
    UNROLL for (int i = 0; i < N; i++) s[i] = column + i / 4 * 8 + i % 2 < valid ? s[i] : -1e30f;
}

/// A thread's two rows: what their scores are taken relative to, in powers of two, and this thread's part of the sums.
struct Rows {
    float reference[2], sum[2];
};

/// The greatest of this thread's scores in each row.
template <int N> INLINE void find_greatest(const float (&s)[N], float (&greatest)[2]) {
    UNROLL for (int r = 0; r < 2; r++) greatest[r] = fmaxf(s[2 * r], s[2 * r + 1]);
    UNROLL for (int i = 4; i < N; i += 4) UNROLL for (int r = 0; r < 2; r++) greatest[r] =
        fmaxf(greatest[r], fmaxf(s[i + 2 * r], s[i + 2 * r + 1]));
}
/// Over the four threads that share a row.
INLINE float greatest_in_row(float x) {
    x = fmaxf(x, shuffle_xor(x, 1));
    return fmaxf(x, shuffle_xor(x, 2));
}
INLINE float sum_of_row(float x) {
    x += shuffle_xor(x, 1);
    return x + shuffle_xor(x, 2);
}

/// s = 2 ^ (s · scale - reference), added to the sums.
template <int N> INLINE void take_exponentials(float (&s)[N], float scale, Rows &rows) {
    UNROLL for (int i = 0; i < N; i++) s[i] = exp2_approx(fmaf(s[i], scale, -rows.reference[i / 2 % 2]));
    UNROLL for (int i = 0; i < N; i += 4) UNROLL for (int r = 0; r < 2; r++) rows.sum[r] +=
        s[i + 2 * r] + s[i + 2 * r + 1];
}
/// A product's result as the left operand of the next: the layouts agree, two columns to a register.
template <int N> INLINE void pack_left(const float (&s)[N], u32 (&p)[N / 8][4]) {
    UNROLL for (int i = 0; i < N / 2; i++) p[i / 4][i % 4] = pack_bf16(s[2 * i], s[2 * i + 1]);
}

/// Writes a warpgroup's rows to the tensor, a panel at a time through its part of shared memory.
template <typename P, int HEAD>
INLINE void store_rows(const Aligned<ck_attention_sm90_arguments> &args, const float (&o)[HEAD / 2],
                       const float (&factor)[2], u32 panel, int barrier, int query, const Tile &tile) {
    const int thread = thread_index() % 128;
    const int row = thread / 32 * 16 + thread % 16, chunk = thread / 16 % 2;
    UNROLL for (int i = 0; i < P::panels; i++) {
        if (thread == 0)
            tensor_store_wait_read();
        named_barrier_sync(barrier, 128);
        UNROLL for (int j = 0; j < 4; j++) {
            u32 r[4];
            UNROLL for (int n = 0; n < 4; n++) {
                const int at = 32 * i + 8 * j + 2 * n;
                r[n] = pack_bf16(o[at] * factor[n % 2], o[at + 1] * factor[n % 2]);
            }
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

/// Warpgroup w's rows of every tile of this block.
template <typename P, int HEAD, int COMPUTING, int KEYS, int STAGES>
INLINE void compute(const Aligned<ck_attention_sm90_arguments> &args, u32 base, int w) {
    /// Scores may exceed the reference by this much, as powers of two, before it is raised: then a row's sums rarely
    /// change their unit after its first blocks. f32 and bf16 have range to spare.
    constexpr float slack = 8.f;
    const float scale = args.scale * 1.44269504f;
    const bool leads = thread_index() % 128 == 0;
    const int turn = 1 + w, next_turn = 1 + (w + 1) % COMPUTING, store_barrier = 1 + COMPUTING + w;
    const u64 q = descriptor_k_major(base + P::q + w * P::query_bytes);
    u64 keys = descriptor_k_major(base + P::k), values = descriptor_mn_major(base + P::v, P::key_panel);
    Cursor k = {0, 0};
    u32 q_parity = 0;

    if (w == COMPUTING - 1)
        named_barrier_arrive(next_turn, 256);
    NO_UNROLL for (int number = block_x(); number < tile_count<P::queries>(args); number += grid_x()) {
        const Tile tile = tile_at<P::queries, KEYS>(args, number);
        float o[HEAD / 2];
        u32 p[KEYS / 16][4];
        Rows rows;
        UNROLL for (int i = 0; i < HEAD / 2; i++) o[i] = 0;
        barrier_wait(base + P::q_full + 8 * w, q_parity);
        barrier_wait(base + P::k_full + 8 * k.stage, k.parity);
        {
            float s[KEYS / 2], greatest[2];
            warpgroup_fence();
            begin_scores<P, HEAD, KEYS>(s, q, keys);
            warpgroup_wait<0>();
            keep(s);
            if (leads)
                barrier_arrive(base + P::k_empty + 8 * k.stage);
            const int valid = args.keys - first_key<KEYS>(args, tile, 0);
            if (valid < KEYS)
                mask_keys(s, valid);
            find_greatest(s, greatest);
            UNROLL for (int r = 0; r < 2; r++) {
                rows.reference[r] = greatest_in_row(greatest[r]) * scale;
                rows.sum[r] = 0;
            }
            take_exponentials(s, scale, rows);
            pack_left(s, p);
            barrier_wait(base + P::v_full + 8 * k.stage, k.parity);
        }

        NO_UNROLL for (int taken = 1; taken < tile.blocks; taken++) {
            float s[KEYS / 2], greatest[2], factor[2];
            const Cursor v = k;
            const u64 values_before = values;
            advance<STAGES>(k);
            const int step = k.stage ? (int)(P::key_bytes >> 4) : -(STAGES - 1) * (int)(P::key_bytes >> 4);
            keys += step;
            values += step;
            barrier_wait(base + P::k_full + 8 * k.stage, k.parity);
            named_barrier_sync(turn, 256);
            warpgroup_fence();
            begin_scores<P, HEAD, KEYS>(s, q, keys);
            begin_values<HEAD, KEYS>(o, p, values_before);
            named_barrier_arrive(next_turn, 256);
            warpgroup_wait<1>();
            keep(s);
            if (leads)
                barrier_arrive(base + P::k_empty + 8 * k.stage);
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
            take_exponentials(s, scale, rows);
            // No sum is ever negative. That the barrier seems to depend on them keeps the compiler from taking
            // exponentials only after the wait below, when the product that hides them is over.
            const u32 never = rows.sum[0] < 0 || rows.sum[1] < 0;
            barrier_wait(base + P::v_full + 8 * k.stage, k.parity ^ never);
            warpgroup_wait<0>();
            keep(o);
            UNROLL for (int i = 0; i < KEYS / 16; i++) keep(p[i]);
            if (leads)
                barrier_arrive(base + P::v_empty + 8 * v.stage);
            pack_left(s, p);
            if (raise)
                UNROLL for (int i = 0; i < HEAD / 2; i++) o[i] *= factor[i / 2 % 2];
        }

        if (leads)
            barrier_arrive(base + P::q_empty + 8 * w);
        q_parity ^= 1;
        warpgroup_fence();
        begin_values<HEAD, KEYS>(o, p, values);
        float factor[2];
        UNROLL for (int r = 0; r < 2; r++) factor[r] = reciprocal_approx(sum_of_row(rows.sum[r]));
        warpgroup_wait<0>();
        keep(o);
        if (leads)
            barrier_arrive(base + P::v_empty + 8 * k.stage);
        advance<STAGES>(k);
        const int step = k.stage ? (int)(P::key_bytes >> 4) : -(STAGES - 1) * (int)(P::key_bytes >> 4);
        keys += step;
        values += step;
        store_rows<P, HEAD>(args, o, factor, base + P::out + w * P::query_panel, store_barrier, tile.query + 64 * w,
                            tile);
    }
    if (leads)
        tensor_store_wait();
}

/// The registers are those a computing thread and a copying thread end up with.
template <int HEAD, int COMPUTING, int KEYS, int STAGES, int REGISTERS, int COPYING_REGISTERS>
INLINE void attention(const Aligned<ck_attention_sm90_arguments> &args) {
    using P = Plan<HEAD, COMPUTING, KEYS, STAGES>;
    const u32 base = shared_base();
    const int warp = (int)shuffle_from((u32)thread_index() / 32, 0);
    if (thread_index() == 0) {
        UNROLL for (int i = 0; i < COMPUTING; i++) {
            barrier_init(base + P::q_full + 8 * i, 1);
            barrier_init(base + P::q_empty + 8 * i, 1);
        }
        UNROLL for (int i = 0; i < STAGES; i++) {
            barrier_init(base + P::k_full + 8 * i, 1);
            barrier_init(base + P::v_full + 8 * i, 1);
            barrier_init(base + P::k_empty + 8 * i, COMPUTING);
            barrier_init(base + P::v_empty + 8 * i, COMPUTING);
        }
        barrier_init_fence();
    }
    block_barrier();
    if (warp >= 4 * COMPUTING) {
        registers_decrease<COPYING_REGISTERS>();
        if (thread_index() == 128 * COMPUTING)
            copy_keys_and_values<P, KEYS, STAGES>(args, base);
        else if (thread_index() == 128 * COMPUTING + 32)
            copy_queries<P, KEYS, COMPUTING>(args, base);
    } else {
        registers_increase<REGISTERS>();
        compute<P, HEAD, COMPUTING, KEYS, STAGES>(args, base, warp / 4);
    }
}

KERNEL(attention_sm90_128, Aligned<ck_attention_sm90_arguments>, CK_ATTENTION_SM90_128_THREADS, 1) {
    static_assert(Plan<128, 2, CK_ATTENTION_SM90_128_KEYS, 2>::bytes + 1024 <= CK_ATTENTION_SM90_128_SHARED_BYTES, "");
    attention<128, 2, CK_ATTENTION_SM90_128_KEYS, 2, 240, 24>(args);
}
KERNEL(attention_sm90_64, Aligned<ck_attention_sm90_arguments>, CK_ATTENTION_SM90_64_THREADS, 1) {
    static_assert(Plan<64, 3, CK_ATTENTION_SM90_64_KEYS, 3>::bytes + 1024 <= CK_ATTENTION_SM90_64_SHARED_BYTES, "");
    attention<64, 3, CK_ATTENTION_SM90_64_KEYS, 3, 160, 32>(args);
}
