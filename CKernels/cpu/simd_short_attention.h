// Attention to few keys, all at once. Logits are dot products of rows as they lie: packing keys as a right matrix would
// take as long as multiplying them. They are kept transposed, [keys, queries], so that the softmax needs no sum over
// the lanes of a vector; units of very few queries share its vectors.
#include "simd_product.h"

enum {
    most_joined = 8, // units
    most_columns = 64, // of units together
    cache_ways = 8, // rows far apart push each other out of the first-level cache when there are more
    score_keys = 3, // sums of a tile of logits: score_keys x score_queries vectors
    score_queries = 4,
    mix_queries = 6 // sums of a tile of values: mix_queries x 2 vectors
};

/// Rows of one head as the caller has them, `bytes` apart.
struct short_rows {
    const char *first;
    size_t bytes;
};

/// Rows of whole vectors, in f32, or in bf16 where they lie `in_halves`: of floats.
struct short_matrix {
    float *first;
    ptrdiff_t stride;
};

/// The queries of a block and all keys of its unit.
struct short_block {
    const ck_attention_plan *plan;
    ptrdiff_t queries, keys;
    ptrdiff_t width;                  // of a row: head_dim, rounded up to whole vectors, or words of two numbers
    bool in_halves;                   // rows are read and written as bf16: two numbers, apart by a shift or a mask
    bool is_far;                      // the arrays are larger than the cache, rows of a unit far apart
    struct short_rows next[3];        // what the next unit will read
    struct short_rows result;         // where it goes
    struct short_matrix q, k, v, out; // as they are, or in `room`
    struct short_matrix weights;      // [keys, queries]
    struct short_matrix room[4];      // for q, k, v, out
};

/// Places the arrays of a block in `scratch` and returns how many floats they take.
static ptrdiff_t place_short(const ck_attention_plan *plan, struct short_block *b, float *scratch) {
    ptrdiff_t width = ck_ceil_div(plan->call.head_dim, W) * W, floats = 0;
    ptrdiff_t columns = plan->query_block <= most_columns / 2 ? most_columns : plan->query_block;
    // Tiles of logits are stored in whole vectors of score_queries.
    ptrdiff_t stride = ck_ceil_div(columns + score_queries - 1, W) * W;
    *b = (struct short_block){.plan = plan, .width = width};
    struct {
        struct short_matrix *matrix;
        ptrdiff_t rows, stride;
    } arrays[] = {
        {&b->weights, plan->key_block, stride},  {&b->room[0], plan->query_block, width},
        {&b->room[1], plan->key_block, width},   {&b->room[2], plan->key_block, width},
        {&b->room[3], plan->query_block, width},
    };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i].matrix = (struct short_matrix){scratch ? scratch + floats : NULL, arrays[i].stride};
        floats += ck_ceil_div(arrays[i].rows * arrays[i].stride, 16) * 16;
    }
    return floats;
}

/// Packing takes time in proportion to the keys, sums over lanes to their square; and pairs want to be packed.
static ptrdiff_t short_keys(const ck_attention_plan *plan) {
    return CK_PAIRS && plan->call.dtype == CK_DTYPE_BF16 ? 0 : W == 16 ? 32 : 64;
}

static size_t short_bytes(const ck_attention_plan *plan) {
    struct short_block b;
    return (size_t)place_short(plan, &b, NULL) * sizeof(float);
}

static bool is_whole(const struct short_block *b) {
    return b->plan->call.dtype == CK_DTYPE_F32 && b->plan->call.head_dim == b->width;
}

/// Whether logits become powers of two before the softmax.
static bool is_scaled(const ck_attention_call *c) { return c->head_bias || c->key_bias || c->scale <= 0; }

/// Whether rows can be read and written in pairs of bf16.
static bool lies_in_halves(const struct short_block *b) {
    const ck_attention_call *c = &b->plan->call;
    ptrdiff_t strides = c->q_stride | c->k_stride | c->v_stride | c->out_stride;
    return c->dtype == CK_DTYPE_BF16 && c->head_dim % (2 * W) == 0 && strides % 2 == 0 && b->keys <= cache_ways;
}

INLINE void copy_rows_of(const ck_dtype dtype, float *out, ptrdiff_t out_stride, const char *x, size_t bytes,
                         ptrdiff_t rows, ptrdiff_t width) {
    for (ptrdiff_t row = 0; row < rows; row++, out += out_stride, x += bytes) {
        for (ptrdiff_t i = 0; i < width; i += W)
            v_store(out + i, v_take(x, dtype, i, width));
    }
}

/// The rows as f32: where they are, or in `room` when that is not possible or not `wanted`.
INLINE struct short_matrix take_rows(const struct short_block *b, const struct short_rows *x, ptrdiff_t rows,
                                     bool wanted, const struct short_matrix *room) {
    if (b->in_halves || (wanted && is_whole(b)))
        return (struct short_matrix){(float *)(uintptr_t)x->first, (ptrdiff_t)(x->bytes / sizeof(float))};
    if (b->plan->call.dtype == CK_DTYPE_F32)
        copy_rows_of(CK_DTYPE_F32, room->first, room->stride, x->first, x->bytes, rows, b->plan->call.head_dim);
    else
        copy_rows_of(CK_DTYPE_BF16, room->first, room->stride, x->first, x->bytes, rows, b->plan->call.head_dim);
    return *room;
}

/// Asks for rows of the next head, or of the next position's first one: they follow those of this unit in memory.
INLINE void fetch_ahead(const struct short_block *b, const struct short_rows *x, ptrdiff_t row, ptrdiff_t rows) {
    size_t row_bytes = (size_t)b->plan->call.head_dim * ck_size(b->plan->call.dtype);
    for (ptrdiff_t i = row; i < row + rows; i++) {
        for (size_t at = 0; at < row_bytes; at += 64)
            __builtin_prefetch(x->first + (size_t)i * x->bytes + row_bytes + at, 0, 2);
    }
}

/// The size of the next tile of at most `most` when `left` are left: two tiles share what is too much for one.
INLINE ptrdiff_t next_tile(ptrdiff_t left, ptrdiff_t most) {
    return left <= most ? left : left < 2 * most ? (left + 1) / 2 : most;
}

/// Sums of the lanes of four vectors.
INLINE void store_sums(float *out, const vf x[4]) {
    vf low = LANES_LOW(x[0], x[1]) + LANES_HIGH(x[0], x[1]), high = LANES_LOW(x[2], x[3]) + LANES_HIGH(x[2], x[3]);
    vf sums = PAIRS_LOW(low, high) + PAIRS_HIGH(low, high);
    typedef float vq __attribute__((vector_size(16)));
    vq quarter[W / 4];
    memcpy(quarter, &sums, sizeof sums);
    UNROLL for (int half = W / 8; half > 0; half /= 2) {
        UNROLL for (int i = 0; i < half; i++) quarter[i] += quarter[i + half];
    }
    memcpy(out, quarter, sizeof *quarter);
}

/// The numbers of a vector of words, or of one half of each.
INLINE vf load_half(const float *x, const bool halves, const int part) {
    vu words = (vu)v_load(x);
    return (vf)(!halves ? words : part == 0 ? words << 16 : words & 0xffff0000);
}

/// A tile of logits, transposed. Called with constants, so that all sums stay in registers.
INLINE void score_tile(const bool halves, const int keys, const int queries, const struct short_block *b, ptrdiff_t key,
                       ptrdiff_t query) {
    const float *k = b->k.first + key * b->k.stride, *q = b->q.first + query * b->q.stride;
    ptrdiff_t k_stride = b->k.stride, q_stride = b->q.stride, width = b->width;
    vf sum[score_keys][score_queries];
    UNROLL for (int i = 0; i < keys; i++) { UNROLL for (int j = 0; j < score_queries; j++) sum[i][j] = v_set(0); }
    for (ptrdiff_t at = 0; at < width; at += W) {
        UNROLL for (int part = 0; part < (halves ? 2 : 1); part++) {
            vf x[score_keys];
            if (part > 0)
                __asm__ volatile("" ::: "memory"); // load the words again, rather than spill them
            UNROLL for (int i = 0; i < keys; i++) x[i] = load_half(k + i * k_stride + at, halves, part);
            UNROLL for (int j = 0; j < queries; j++) {
                vf y = load_half(q + j * q_stride + at, halves, part);
                UNROLL for (int i = 0; i < keys; i++) sum[i][j] = v_fma(x[i], y, sum[i][j]);
            }
        }
    }
    UNROLL for (int i = 0; i < keys; i++) store_sums(b->weights.first + (key + i) * b->weights.stride + query, sum[i]);
}

/// All logits of a group of n tokens that fit four tiles: choosing their sizes would take as long as multiplying them.
INLINE void score_group(const bool halves, const int n, const struct short_block *b) {
    const int half = (n + 1) / 2, rest = n - half;
    score_tile(halves, half, half, b, 0, 0);
    score_tile(halves, half, rest, b, 0, half);
    score_tile(halves, rest, half, b, half, 0);
    score_tile(halves, rest, rest, b, half, half);
}

/// weights [keys, queries] = k · qᵀ. Meanwhile the next unit's rows are on their way.
INLINE void score_as(const bool halves, const struct short_block *b) {
#define GROUP(n)                                                                                                       \
    case n:                                                                                                            \
        score_group(halves, n, b);                                                                                     \
        return
    switch (b->keys == b->queries && !b->is_far ? b->keys : 0) {
        GROUP(4);
        GROUP(5);
        GROUP(6);
    }
#undef GROUP
    for (ptrdiff_t key = 0, keys; key < b->keys; key += keys) {
        keys = next_tile(b->keys - key, score_keys);
        for (ptrdiff_t query = 0, queries; query < b->queries; query += queries) {
            queries = next_tile(b->queries - query, score_queries);
            if (b->is_far && query < 3 * score_queries)
                fetch_ahead(b, &b->next[query / score_queries], key, keys);
#define TILE(keys, queries)                                                                                            \
    case keys * 8 + queries:                                                                                           \
        score_tile(halves, keys, queries, b, key, query);                                                              \
        break
#define TILES(keys)                                                                                                    \
    TILE(keys, 1);                                                                                                     \
    TILE(keys, 2);                                                                                                     \
    TILE(keys, 3);                                                                                                     \
    TILE(keys, 4)
            switch (keys * 8 + queries) {
                TILES(1);
                TILES(2);
                TILES(3);
            }
#undef TILES
#undef TILE
        }
    }
}

static void score(const struct short_block *b) {
    if (b->in_halves)
        score_as(true, b);
    else
        score_as(false, b);
}

/// Scales the logits to powers of two and adds the biases, which begin at the block's first query and key.
static void add_short_biases(const struct short_block *b, const float *head_bias, const float *key_bias) {
    const vf log2e = v_set(0x1.715476p0f), factor = v_set(b->plan->call.scale) * log2e;
    ptrdiff_t step = b->plan->step, query_step = step * b->plan->call.keys;
    for (ptrdiff_t key = 0; key < b->keys; key++) {
        float *logits = b->weights.first + key * b->weights.stride;
        for (ptrdiff_t i = 0; i < b->queries; i += W) {
            vf bias = v_set(key_bias ? key_bias[key * step] : 0);
            if (head_bias)
                bias += get_bias(head_bias + i * query_step + key * step, 0, b->queries - i, query_step);
            v_store(logits + i, v_fma(bias, log2e, v_load(logits + i) * factor));
        }
    }
}

INLINE vf weigh_keys(const int count, float *logits, ptrdiff_t stride, vf factor, vf shift) {
    vf x[4], sum = v_set(0);
    UNROLL for (int i = 0; i < count; i++) x[i] = v_fma(v_load(logits + i * stride), factor, shift);
    v_exp2_all(x, count, false);
    UNROLL for (int i = 0; i < count; i++) {
        sum += x[i];
        v_store(logits + i * stride, x[i]);
    }
    return sum;
}

/// Turns logits into weights 2^(factor · logit), and the sum of them in each of the columns into 1.
static void normalise(const struct short_block *b, ptrdiff_t columns, float factor) {
    ptrdiff_t stride = b->weights.stride;
    for (ptrdiff_t i = 0; i < columns; i += W) {
        float *logits = b->weights.first + i;
        vf most = v_load(logits), sum = v_set(0), f = v_set(factor);
        for (ptrdiff_t key = 1; key < b->keys; key++)
            most = v_max(most, v_load(logits + key * stride));
        // A query with nothing but -∞ keeps the sum 0.
        vf shift = v_select((vu)(most == v_set(-INFINITY)), v_set(0), -most * f);
        ptrdiff_t key = 0;
        for (; key + 4 <= b->keys; key += 4)
            sum += weigh_keys(4, logits + key * stride, stride, f, shift);
        for (; key < b->keys; key++)
            sum += weigh_keys(1, logits + key * stride, stride, f, shift);
        vf share = v_select((vu)(sum > v_set(0)), 1 / sum, sum);
        for (key = 0; key < b->keys; key++)
            v_store(logits + key * stride, v_load(logits + key * stride) * share);
    }
}

/// A vector of pairs of bf16.
INLINE vf join_halves(vf low, vf high) {
    vu a = (vu)low, b = (vu)high;
    vu rounded = (a + 0x7fff + (a >> 16 & 1)) >> 16, quiet = a >> 16 | 0x40;
    vu first = (vu)v_select((vu)(low != low), (vf)quiet, (vf)rounded);
    rounded = (b + 0x7fff + (b >> 16 & 1)) & 0xffff0000;
    quiet = (b | 0x400000) & 0xffff0000;
    return (vf)(first | (vu)v_select((vu)(high != high), (vf)quiet, (vf)rounded));
}

/// A tile of weightsᵀ · v. Called with constants, so that all sums stay in registers.
INLINE void mix_tile(const bool halves, const int queries, const int vectors, const struct short_block *b,
                     ptrdiff_t query, ptrdiff_t column) {
    const float *weights = b->weights.first + query, *v = b->v.first + column;
    float *out = b->out.first + query * b->out.stride + column;
    ptrdiff_t weight_stride = b->weights.stride, v_stride = b->v.stride, out_stride = b->out.stride;
    vf sum[mix_queries][2];
    UNROLL for (int i = 0; i < queries; i++) { UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = v_set(0); }
    for (ptrdiff_t key = 0; key < b->keys; key++, weights += weight_stride, v += v_stride) {
        vf y[2];
        UNROLL for (int j = 0; j < vectors; j++) y[j] = load_half(halves ? v : v + j * W, halves, j);
        UNROLL for (int i = 0; i < queries; i++) {
            vf weight = v_set(weights[i]);
            UNROLL for (int j = 0; j < vectors; j++) sum[i][j] = v_fma(weight, y[j], sum[i][j]);
        }
    }
    UNROLL for (int i = 0; i < queries; i++) {
        if (halves) {
            v_store(out + i * out_stride, join_halves(sum[i][0], sum[i][1]));
            continue;
        }
        UNROLL for (int j = 0; j < vectors; j++) v_store(out + i * out_stride + j * W, sum[i][j]);
    }
}

/// out [queries, width] = weightsᵀ · v.
INLINE void mix_as(const bool halves, const struct short_block *b) {
    const ptrdiff_t step = halves ? W : 2 * W;
#define GROUP(n)                                                                                                       \
    case n:                                                                                                            \
        for (ptrdiff_t column = 0; column < b->width; column += step)                                                  \
            mix_tile(halves, n, 2, b, 0, column);                                                                      \
        return
    switch (b->width % step == 0 ? b->queries : 0) {
        GROUP(4);
        GROUP(5);
        GROUP(6);
    }
#undef GROUP
    for (ptrdiff_t query = 0, queries; query < b->queries; query += queries) {
        queries = next_tile(b->queries - query, mix_queries);
        for (ptrdiff_t column = 0; column < b->width; column += step) {
#define TILES(queries)                                                                                                 \
    case queries * 2:                                                                                                  \
        mix_tile(halves, queries, 1, b, query, column);                                                                \
        break;                                                                                                         \
    case queries * 2 + 1:                                                                                              \
        mix_tile(halves, queries, 2, b, query, column);                                                                \
        break
            switch (queries * 2 + (halves || column + W < b->width)) {
                TILES(1);
                TILES(2);
                TILES(3);
                TILES(4);
                TILES(5);
                TILES(6);
            }
#undef TILES
        }
    }
}

static void mix(const struct short_block *b) {
    if (b->in_halves)
        mix_as(true, b);
    else
        mix_as(false, b);
}

/// The rows of one head from `token` on.
INLINE struct short_rows rows_of(const ck_attention_plan *plan, const void *array, ptrdiff_t stride, ptrdiff_t token,
                                 ptrdiff_t head) {
    size_t size = ck_size(plan->call.dtype);
    return (struct short_rows){(const char *)array + (size_t)(token * stride + head * plan->call.head_dim) * size,
                               (size_t)(stride * plan->step) * size};
}

/// The logits of a block of queries from `first` on.
INLINE void score_block(struct short_block *b, const struct attention_block *unit, ptrdiff_t first) {
    const ck_attention_call *c = &b->plan->call;
    ptrdiff_t head = unit->head, key = unit->first_token, query = key + first * b->plan->step;
    b->next[0] = rows_of(b->plan, c->k, c->k_stride, key, head);
    b->next[1] = rows_of(b->plan, c->v, c->v_stride, key, head);
    b->next[2] = rows_of(b->plan, c->q, c->q_stride, query, head);
    b->result = rows_of(b->plan, c->out, c->out_stride, query, head);
    b->k = take_rows(b, &b->next[0], b->keys, b->keys <= cache_ways, &b->room[1]);
    b->v = take_rows(b, &b->next[1], b->keys, b->keys <= cache_ways, &b->room[2]);
    b->q = take_rows(b, &b->next[2], b->queries, true, &b->room[0]);
    score(b);
    if (is_scaled(c))
        add_short_biases(b, c->head_bias ? c->head_bias + (head * c->queries + query) * c->keys + key : NULL,
                         c->key_bias ? c->key_bias + key : NULL);
}

/// The results of a block from its weights.
INLINE void mix_block(struct short_block *b) {
    const ck_attention_call *c = &b->plan->call;
    char *place = (char *)(uintptr_t)b->result.first;
    if (b->in_halves || is_whole(b)) {
        b->out = (struct short_matrix){(float *)(void *)place, (ptrdiff_t)(b->result.bytes / sizeof(float))};
        mix(b);
        return;
    }
    b->out = b->room[3];
    mix(b);
    for (ptrdiff_t row = 0; row < b->queries; row++, place += b->result.bytes) {
        for (ptrdiff_t i = 0; i < c->head_dim; i += W)
            v_give(place, c->dtype, i, v_load(b->out.first + row * b->out.stride + i), c->head_dim);
    }
}

/// What is left to do of a block whose logits are there.
struct short_rest {
    struct short_matrix v;
    struct short_rows result;
};

/// Softmax and results of blocks with the same numbers of queries and keys; the weights of one follow those of another.
static void finish_blocks(struct short_block *b, const struct short_rest *rest, ptrdiff_t count) {
    const ck_attention_call *c = &b->plan->call;
    b->weights.first -= count * b->queries;
    normalise(b, count * b->queries, is_scaled(c) ? 1 : c->scale * 0x1.715476p0f);
    float *weights = b->weights.first;
    for (ptrdiff_t i = 0; i < count; i++, b->weights.first += b->queries) {
        b->v = rest[i].v;
        b->result = rest[i].result;
        mix_block(b);
    }
    b->weights.first = weights;
}

/// Makes `b` describe blocks of so many queries and keys, and returns how many of them can share the vectors of the
/// softmax: more than one where no block needs room of its own.
static ptrdiff_t describe(struct short_block *b, ptrdiff_t queries, ptrdiff_t keys) {
    ptrdiff_t head_dim = b->plan->call.head_dim;
    b->queries = queries;
    b->keys = keys;
    b->in_halves = lies_in_halves(b);
    b->width = b->in_halves ? head_dim / 2 : ck_ceil_div(head_dim, W) * W;
    bool is_in_place = b->in_halves || (is_whole(b) && keys <= cache_ways);
    return is_in_place ? ck_max(ck_min(most_columns / queries, most_joined), 1) : 1;
}

static void attend_short(const ck_attention_plan *plan, ptrdiff_t first, ptrdiff_t end, ptrdiff_t query_blocks,
                         float *scratch) {
    enum { cached = 1 << 18 };
    const ck_attention_call *c = &plan->call;
    struct short_block b;
    struct short_rest joined[most_joined];
    place_short(plan, &b, scratch);
    b.is_far = c->groups == CK_GROUPS_STRIDED && c->keys * c->k_stride > cached;
    struct attention_block unit = attention_layout(plan, first / query_blocks);
    ptrdiff_t block = first % query_blocks, count = 0, most = 1;
    for (ptrdiff_t index = first; index < end; index++) {
        ptrdiff_t query = block * plan->query_block;
        ptrdiff_t queries = ck_min(plan->query_block, (c->groups == CK_GROUPS_ALL ? c->queries : unit.tokens) - query);
        if (count > 0 && (queries != b.queries || unit.tokens != b.keys || count == most)) {
            finish_blocks(&b, joined, count);
            count = 0;
        }
        if (queries > 0) {
            if (count == 0)
                most = describe(&b, queries, unit.tokens);
            score_block(&b, &unit, query);
            joined[count++] = (struct short_rest){b.v, b.result};
            b.weights.first += queries;
        }
        if (++block < query_blocks)
            continue;
        block = 0;
        if (++unit.head == c->heads)
            unit = attention_layout(plan, (index + 1) / query_blocks);
    }
    if (count > 0)
        finish_blocks(&b, joined, count);
}
