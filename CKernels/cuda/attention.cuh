// softmax(scale · q kᵀ + bias) v without storing the logits (Dao, FlashAttention-2, arXiv 2307.08691), for sm_80 and
// up: products on mma.sync, keys and values brought by cp.async.
//
// attention_*: a block takes 128 queries of one head of one group, each of its four warps 32 of them, and walks over
// the keys. 32 queries a warp, because then every fragment of keys and values that is read from shared memory feeds two
// products: with 16, shared memory of sm_80 would be as busy as its tensor cores.
// attention_short_*: groups of at most 32 tokens; each warp works on as many of them as fit 32 rows, by itself.
//
// A warp's 32 rows are two matrices of 16; lane l holds rows l / 4 and l / 4 + 8 of each, columns 2 (l % 4) and the
// next one of every 8. Rows in shared memory are DIM elements; the 16-byte chunks of row r lie at chunk ^ (r & 7), so
// that eight rows at one column are in different banks.

namespace attention {

INLINE float log2_e() { return 1.44269504f; }
/// Below every logit, and finite: its distance from -∞ is a number.
INLINE float least() { return -1e30f; }

/// Where a chunk of a row lies, relative to the array.
template <int DIM> INLINE u32 place(int row, int chunk) { return (u32)(row * DIM * 2 + ((chunk ^ (row & 7)) << 4)); }

/// Where the lane's rows of a fragment begin, relative to the array; ^ (16 · chunks) moves an even number of chunks on.
struct Fragments {
    u32 rows;       ///< 16 rows by 16 columns, for queries, and for values, which are read transposed
    u32 transposed; ///< the same with the two matrices in between exchanged, for keys
};
template <int DIM> INLINE Fragments fragments(int lane) {
    Fragments f;
    f.rows = place<DIM>(lane & 15, lane >> 4);
    f.transposed = place<DIM>((lane & 7) + (lane >> 4 << 3), lane >> 3 & 1);
    return f;
}

/// s [32, 8 · TILES] += q kᵀ.
template <int DIM, int TILES> INLINE void add_logits(float (&s)[2][TILES][4], u32 q, u32 k, Fragments f) {
    UNROLL for (int step = 0; step < DIM / 16; step++) {
        u32 a[2][4];
        UNROLL for (int m = 0; m < 2; m++) { load_matrices(a[m], q + (f.rows ^ step << 5) + m * 16 * DIM * 2); }
        UNROLL for (int n = 0; n < TILES; n += 2) {
            u32 b[4];
            load_matrices(b, k + (f.transposed ^ step << 5) + n * 8 * DIM * 2);
            UNROLL for (int m = 0; m < 2; m++) {
                multiply_add(s[m][n], a[m], b[0], b[1]);
                multiply_add(s[m][n + 1], a[m], b[2], b[3]);
            }
        }
    }
}

/// o [32, DIM] += p [32, 8 · TILES] · v, p rounded to bf16: the sums of a product are laid out as the next one's
/// factors.
template <int DIM, int TILES>
INLINE void add_values(float (&o)[2][DIM / 8][4], const float (&p)[2][TILES][4], u32 v, Fragments f) {
    UNROLL for (int step = 0; step < TILES / 2; step++) {
        u32 a[2][4];
        UNROLL for (int i = 0; i < 8; i++) {
            const float(&x)[4] = p[i / 4][2 * step + i / 2 % 2];
            a[i / 4][i % 4] = pack_bf16(x[i % 2 * 2], x[i % 2 * 2 + 1]);
        }
        UNROLL for (int n = 0; n < DIM / 8; n += 2) {
            u32 b[4];
            load_matrices_transposed(b, v + (f.rows ^ n << 4) + step * 16 * DIM * 2);
            UNROLL for (int m = 0; m < 2; m++) {
                multiply_add(o[m][n], a[m], b[0], b[1]);
                multiply_add(o[m][n + 1], a[m], b[2], b[3]);
            }
        }
    }
}

/// What is known of a lane's four rows: of matrix m, row l / 4 + 8 h.
struct Rows {
    float most[2][2]; ///< the largest logit so far
    float sum[2][2];  ///< of this lane's weights so far
};

/// s becomes 2^(factor · (s - largest)); what o holds so far is brought to the new largest logit.
template <int DIM, int TILES>
INLINE void weigh(float (&s)[2][TILES][4], float (&o)[2][DIM / 8][4], Rows &rows, float factor) {
    UNROLL for (int i = 0; i < 4; i++) {
        const int m = i / 2, h = i % 2;
        float most = rows.most[m][h];
        UNROLL for (int n = 0; n < TILES; n++) { most = fmaxf(most, fmaxf(s[m][n][2 * h], s[m][n][2 * h + 1])); }
        most = fmaxf(most, shuffle_xor(most, 1));
        most = fmaxf(most, shuffle_xor(most, 2));
        const float keep = exp2_approx((rows.most[m][h] - most) * factor), base = -most * factor;
        float sum = rows.sum[m][h] * keep;
        UNROLL for (int n = 0; n < TILES; n++) {
            UNROLL for (int e = 2 * h; e < 2 * h + 2; e++) {
                s[m][n][e] = exp2_approx(fmaf(s[m][n][e], factor, base));
                sum += s[m][n][e];
            }
        }
        UNROLL for (int n = 0; n < DIM / 8; n++) {
            o[m][n][2 * h] *= keep;
            o[m][n][2 * h + 1] *= keep;
        }
        rows.most[m][h] = most;
        rows.sum[m][h] = sum;
    }
}

/// Transposes the 4 × 4 words that the four lanes of a quad hold.
INLINE void transpose_quad(u32 (&x)[4], int lane) {
    UNROLL for (int bit = 1; bit <= 2; bit *= 2) {
        const bool upper = (lane & bit) != 0;
        UNROLL for (int pair = 0; pair < 2; pair++) {
            const int i = bit == 1 ? 2 * pair : pair;
            const u32 mine = upper ? x[i] : x[i + bit];
            const u32 other = bits_of_float(shuffle_xor(float_of_bits(mine), bit));
            x[i] = upper ? other : x[i];
            x[i + bit] = upper ? x[i + bit] : other;
        }
    }
}

/// Rows of matrix m, half h, over their sums to `out`, 16 bytes a lane; all lanes take part, `valid` or not.
template <int DIM>
INLINE void store_row(const float (&o)[DIM / 8][4], int h, float sum, bf16 *out, bool valid, int head_dim, int lane) {
    sum += shuffle_xor(sum, 1);
    sum += shuffle_xor(sum, 2);
    const float factor = sum > 0.f ? 1.f / sum : 0.f;
    UNROLL for (int n = 0; n < DIM / 8; n += 4) {
        Vector<u32, 4> x;
        UNROLL for (int i = 0; i < 4; i++) {
            x.v[i] = pack_bf16(o[n + i][2 * h] * factor, o[n + i][2 * h + 1] * factor);
        }
        transpose_quad(x.v, lane);
        const int column = (n + (lane & 3)) * 8;
        if (valid && column < head_dim) {
            *(Vector<u32, 4> *)(out + column) = x;
        }
    }
}

/// Starts to copy tokens first..<first + ROWS; zeros take the place of tokens from `tokens` and of columns from
/// head_dim.
template <int DIM, int ROWS>
INLINE void load_tokens(u32 to, const bf16 *from, long long stride, int first, int tokens, int head_dim) {
    enum { chunks = DIM / 8, at_once = CK_ATTENTION_THREADS / chunks };
    static_assert(at_once % 8 == 0 && ROWS % at_once == 0, "every pass finds the same chunk at the same place");
    const int row = thread_index() / chunks, chunk = thread_index() % chunks;
    const bool inside = chunk * 8 < head_dim;
    const u32 shared = to + place<DIM>(row, chunk);
    long long offset = (first + row) * stride + chunk * 8;
    UNROLL for (int i = 0; i < ROWS; i += at_once) {
        const bool valid = inside && first + row + i < tokens;
        copy_async(shared + i * DIM * 2, from + (valid ? offset : 0), valid);
        offset += at_once * stride;
    }
}

/// What the products of queries and keys are added to: the biases over the scale, -∞ for keys that do not exist.
template <int TILES>
INLINE void start_logits(float (&s)[2][TILES][4], const ck_attention_arguments &args, int head, int first_query,
                         int first_key, int lane) {
    const float *key_bias = (const float *)args.key_bias, *head_bias = (const float *)args.head_bias;
    const float factor = 1.f / args.scale;
    UNROLL for (int n = 0; n < TILES; n++) {
        UNROLL for (int e = 0; e < 2; e++) {
            const int key = first_key + n * 8 + (lane & 3) * 2 + e;
            const bool exists = key < args.keys;
            const float of_key = exists ? key_bias ? key_bias[key] * factor : 0.f : float_of_bits(0xff800000u);
            UNROLL for (int i = 0; i < 4; i++) {
                const int query = first_query + i / 2 * 16 + i % 2 * 8 + (lane >> 2);
                float bias = of_key;
                if (head_bias && exists && query < args.queries) {
                    bias = fmaf(head_bias[((long long)head * args.queries + query) * args.keys + key], factor, bias);
                }
                s[i / 2][n][i % 2 * 2 + e] = bias;
            }
        }
    }
}

/// The keys that a tile of queries sees, KEYS at a time.
struct Blocks {
    const int *list; ///< or null: all
    int count;
};
template <int KEYS> INLINE Blocks blocks_of_tile(const ck_attention_arguments &args, int head, int tile) {
    const int *start = (const int *)args.block_start;
    if (!start) {
        return {nullptr, (args.keys + KEYS - 1) / KEYS};
    }
    start += head * args.list_stride;
    return {(const int *)args.block_index + start[tile],
            (start[tile + 1] - start[tile]) * (CK_ATTENTION_LIST_KEYS / KEYS)};
}
template <int KEYS> INLINE int first_key_of(Blocks blocks, int i) {
    enum { parts = CK_ATTENTION_LIST_KEYS / KEYS };
    return blocks.list ? blocks.list[i / parts] * CK_ATTENTION_LIST_KEYS + i % parts * KEYS : i * KEYS;
}

/// One tile of queries. Copies under way: the values of a block are asked for before its logits are computed, the keys
/// of the next block as soon as there is room for them: with two STAGES then too, with one after the logits.
template <int DIM, int KEYS, int STAGES> INLINE void attend(const ck_attention_arguments &args) {
    enum { queries = CK_ATTENTION_ROWS, row_bytes = DIM * 2, tiles_of_keys = KEYS / 8 };
    const u32 q = shared_base(), k = q + queries * row_bytes, v = k + STAGES * KEYS * row_bytes;
    const int lane = thread_index() % 32;
    const int warp_row = (int)shuffle_from(thread_index() / 32, 0) * 32; // known to be the same in all lanes

    const int tiles = (args.queries + queries - 1) / queries, tile = block_x() % tiles;
    const int head = block_y(), group = block_x() / tiles;
    const int first_query = tile * queries, head_dim = args.head_dim;
    const long long row = group * args.group_stride, column = (long long)head * head_dim;
    const bf16 *k_from = (const bf16 *)args.k + row * args.k_stride + column;
    const bf16 *v_from = (const bf16 *)args.v + row * args.v_stride + column;
    const long long k_stride = args.token_stride * args.k_stride, v_stride = args.token_stride * args.v_stride;
    const Blocks blocks = blocks_of_tile<KEYS>(args, head, tile);
    const bool has_queries = first_query + warp_row < args.queries, has_bias = args.key_bias || args.head_bias;
    const Fragments f = fragments<DIM>(lane);

    float o[2][DIM / 8][4];
    UNROLL for (int i = 0; i < 2 * DIM / 2; i++) { o[i / (DIM / 2)][i / 4 % (DIM / 8)][i % 4] = 0.f; }
    Rows rows = {{{least(), least()}, {least(), least()}}, {{0.f, 0.f}, {0.f, 0.f}}};

    int key = 0;
    if (blocks.count > 0) {
        const bf16 *q_from = (const bf16 *)args.q + row * args.q_stride + column;
        key = first_key_of<KEYS>(blocks, 0);
        load_tokens<DIM, queries>(q, q_from, args.token_stride * args.q_stride, first_query, args.queries, head_dim);
        load_tokens<DIM, KEYS>(k, k_from, k_stride, key, args.keys, head_dim);
    }
    copy_async_commit();
    NO_UNROLL for (int i = 0; i < blocks.count; i++) {
        const bool last = i + 1 == blocks.count;
        const int next = last ? 0 : first_key_of<KEYS>(blocks, i + 1);
        const u32 k_now = k + i % STAGES * KEYS * row_bytes, k_next = k + (i + 1) % STAGES * KEYS * row_bytes;
        copy_async_wait<0>();
        block_barrier(); // the keys are here; no warp reads the last block's keys and values any more
        load_tokens<DIM, KEYS>(v, v_from, v_stride, key, args.keys, head_dim);
        copy_async_commit();
        if (STAGES == 2) {
            if (!last) {
                load_tokens<DIM, KEYS>(k_next, k_from, k_stride, next, args.keys, head_dim);
            }
            copy_async_commit();
        }
        float s[2][tiles_of_keys][4];
        if (has_queries) {
            if (has_bias || key + KEYS > args.keys) {
                start_logits<tiles_of_keys>(s, args, head, first_query + warp_row, key, lane);
            } else {
                UNROLL for (int j = 0; j < 2 * KEYS / 2; j++) { s[j / (KEYS / 2)][j / 4 % tiles_of_keys][j % 4] = 0.f; }
            }
            add_logits<DIM, tiles_of_keys>(s, q + warp_row * row_bytes, k_now, f);
        }
        if (STAGES == 1) {
            copy_async_wait<0>();
            block_barrier(); // the values are here; no warp reads these keys any more
            if (!last) {
                load_tokens<DIM, KEYS>(k_next, k_from, k_stride, next, args.keys, head_dim);
            }
            copy_async_commit();
        }
        if (has_queries) {
            weigh<DIM, tiles_of_keys>(s, o, rows, args.scale * log2_e());
        }
        if (STAGES == 2) {
            copy_async_wait<1>();
            block_barrier(); // the values are here
        }
        if (has_queries) {
            add_values<DIM, tiles_of_keys>(o, s, v, f);
        }
        key = next;
    }

    if (has_queries) {
        bf16 *out = (bf16 *)args.out + row * args.out_stride + column;
        UNROLL for (int i = 0; i < 4; i++) {
            const int query = first_query + warp_row + i / 2 * 16 + i % 2 * 8 + (lane >> 2);
            store_row<DIM>(o[i / 2], i % 2, rows.sum[i / 2][i % 2], out + query * (args.token_stride * args.out_stride),
                           query < args.queries, head_dim, lane);
        }
    }
}

/// One warp: ⌊32 / tokens⌋ groups, their tokens one after another as rows, both as queries and as keys; logits between
/// groups are left out.
template <int DIM> INLINE void attend_short(const ck_attention_arguments &args) {
    enum { tokens_of_warp = CK_ATTENTION_SHORT_TOKENS, chunks = DIM / 8, tiles_of_keys = tokens_of_warp / 8 };
    static_assert(tokens_of_warp == 32, "two matrices of queries");
    const int lane = thread_index() % 32, warp = thread_index() / 32;
    const int tokens = args.queries, groups_of_warp = tokens_of_warp / tokens, head_dim = args.head_dim;
    const int head = block_y();
    const int first_group = (block_x() * CK_ATTENTION_SHORT_WARPS + warp) * groups_of_warp;
    int rows_of_warp = args.groups - first_group;
    rows_of_warp = (rows_of_warp < groups_of_warp ? rows_of_warp : groups_of_warp) * tokens;
    if (rows_of_warp <= 0) {
        return;
    }
    const long long column = (long long)head * head_dim;
    // row / tokens for rows below 32, exactly.
    const int reciprocal = (1024 + tokens - 1) / tokens;

    enum { array_bytes = tokens_of_warp * DIM * 2 };
    const u32 q = shared_base() + warp * 3 * array_bytes, k = q + array_bytes, v = k + array_bytes;
    const int chunk = lane % chunks;
    UNROLL for (int i = 0; i < tokens_of_warp; i += 32 / chunks) {
        const int r = i + lane / chunks, group = r * reciprocal >> 10;
        const bool valid = r < rows_of_warp && chunk * 8 < head_dim;
        const long long row = (first_group + group) * args.group_stride + (r - group * tokens) * args.token_stride;
        const u32 shared = place<DIM>(r, chunk);
        const long long offset = column + chunk * 8;
        copy_async(q + shared, (const bf16 *)args.q + (valid ? row * args.q_stride + offset : 0), valid);
        copy_async(k + shared, (const bf16 *)args.k + (valid ? row * args.k_stride + offset : 0), valid);
        copy_async(v + shared, (const bf16 *)args.v + (valid ? row * args.v_stride + offset : 0), valid);
    }
    copy_async_commit();
    copy_async_wait<0>();
    warp_barrier();

    const Fragments f = fragments<DIM>(lane);
    float s[2][tiles_of_keys][4], o[2][DIM / 8][4];
    UNROLL for (int j = 0; j < 2 * tiles_of_keys * 4; j++) {
        const int m = j / (tiles_of_keys * 4), n = j / 4 % tiles_of_keys;
        const int query = m * 16 + j / 2 % 2 * 8 + (lane >> 2), key = n * 8 + (lane & 3) * 2 + j % 2;
        const bool together = query * reciprocal >> 10 == key * reciprocal >> 10 && key < rows_of_warp;
        s[m][n][j % 4] = together ? 0.f : float_of_bits(0xff800000u);
    }
    add_logits<DIM, tiles_of_keys>(s, q, k, f);
    UNROLL for (int i = 0; i < 2 * DIM / 2; i++) { o[i / (DIM / 2)][i / 4 % (DIM / 8)][i % 4] = 0.f; }
    Rows rows = {{{least(), least()}, {least(), least()}}, {{0.f, 0.f}, {0.f, 0.f}}};
    weigh<DIM, tiles_of_keys>(s, o, rows, args.scale * log2_e());
    add_values<DIM, tiles_of_keys>(o, s, v, f);

    UNROLL for (int i = 0; i < 4; i++) {
        const int r = i / 2 * 16 + i % 2 * 8 + (lane >> 2), group = r * reciprocal >> 10;
        const long long row = (first_group + group) * args.group_stride + (r - group * tokens) * args.token_stride;
        store_row<DIM>(o[i / 2], i % 2, rows.sum[i / 2][i % 2], (bf16 *)args.out + row * args.out_stride + column,
                       r < rows_of_warp, head_dim, lane);
    }
}

} // namespace attention

KERNEL(attention_64, ck_attention_arguments, CK_ATTENTION_THREADS, 2) { attention::attend<64, 64, 2>(args); }
KERNEL(attention_128, ck_attention_arguments, CK_ATTENTION_THREADS, 2) { attention::attend<128, 32, 1>(args); }
KERNEL(attention_128_wide, ck_attention_arguments, CK_ATTENTION_THREADS, 2) { attention::attend<128, 64, 2>(args); }
KERNEL(attention_short_64, ck_attention_arguments, CK_ATTENTION_SHORT_WARPS * 32, 4) {
    attention::attend_short<64>(args);
}
KERNEL(attention_short_128, ck_attention_arguments, CK_ATTENTION_SHORT_WARPS * 32, 4) {
    attention::attend_short<128>(args);
}
