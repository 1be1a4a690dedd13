// One block of queries of one head against all its keys: softmax(q kᵀ) v with the running maximum and sum of each row
// (online softmax), so that no more than one block of logits exists at a time.
#include "simd_product.h"

enum { rows_at_once = 96 }; // of queries: their logits stay in the caches until they are weights and used up

/// What a block works on, and where.
struct attention_block {
    const ck_attention_plan *plan;
    bool pairs;
    ptrdiff_t depth;                     // of a head, in numbers or pairs
    ptrdiff_t columns;                   // head_dim, rounded up to whole vectors
    ptrdiff_t stride;                    // key_block, rounded up to whole panels
    ptrdiff_t head, first_token, tokens; // of the unit
    ptrdiff_t rows;                      // that there is room for
    ptrdiff_t queries, keys;             // that meet at present
    const float *parts[most_parts];      // those keys and their values, key_block each
    bool fetches;                        // them from afar
    // q [depth / most_depth][rows][most_depth], logits [rows_at_once, most_depth]; packed: keys, then values
    float *q, *logits, *out, *packed;
    // Of each query: W candidates for the largest logit, largest logit so far (as a power of two), sum of weights,
    // factor of what earlier blocks left, and 1.
    float *largest, *most, *sum, *keep, *ones;
};

static struct attention_block attention_layout(const ck_attention_plan *plan, ptrdiff_t unit) {
    const ck_attention_call *c = &plan->call;
    struct attention_block b = {.plan = plan, .pairs = CK_PAIRS && c->dtype == CK_DTYPE_BF16, .tokens = c->keys};
    b.depth = b.pairs ? (c->head_dim + 1) / 2 : c->head_dim;
    b.columns = ck_ceil_div(c->head_dim, W) * W;
    b.stride = ck_ceil_div(plan->key_block, panel) * panel;
    b.rows = ck_ceil_div(plan->query_block, 16) * 16;
    b.head = unit % c->heads;
    if (c->groups == CK_GROUPS_CONSECUTIVE) {
        b.first_token = unit / c->heads * c->extent;
        b.tokens = ck_min(c->extent, c->keys - b.first_token);
    } else if (c->groups == CK_GROUPS_STRIDED) {
        b.first_token = unit / c->heads;
        b.tokens = ck_ceil_div(c->keys - b.first_token, c->extent);
    }
    return b;
}

static ptrdiff_t attention_packed(const ck_attention_plan *plan) {
    struct attention_block b = attention_layout(plan, 0);
    return b.stride * (b.depth + b.columns);
}

/// Places the arrays of a block behind `scratch` and returns how many floats they take.
static ptrdiff_t place_arrays(struct attention_block *b, float *scratch) {
    ptrdiff_t rows = b->rows, floats = 0;
    struct {
        float **array;
        ptrdiff_t floats;
    } arrays[] = {
        {&b->q, rows * ck_ceil_div(b->depth, most_depth) * most_depth},
        {&b->logits, rows_at_once * most_depth},
        {&b->out, rows * b->columns},
        {&b->packed, b->plan->parts * attention_packed(b->plan)},
        {&b->largest, rows_at_once * W},
        {&b->most, rows},
        {&b->sum, rows},
        {&b->keep, rows},
        {&b->ones, rows},
    };
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        *arrays[i].array = scratch ? scratch + floats : NULL;
        floats += ck_ceil_div(arrays[i].floats, 16) * 16;
    }
    return floats;
}

static size_t attention_bytes(const ck_attention_plan *plan) {
    struct attention_block b = attention_layout(plan, 0);
    return (size_t)place_arrays(&b, NULL) * sizeof(float);
}

/// Keys and values of one block.
static void pack_keys(const struct attention_block *b, ptrdiff_t block, float *packed) {
    const ck_attention_call *c = &b->plan->call;
    size_t size = ck_size(c->dtype);
    ptrdiff_t first = block * b->plan->key_block, keys = ck_min(b->plan->key_block, b->tokens - first);
    ptrdiff_t key = b->first_token + first * b->plan->step, column = b->head * c->head_dim;
    pack_transposed(packed, (const char *)c->k + (size_t)(key * c->k_stride + column) * size, c->dtype, b->pairs, keys,
                    c->head_dim, c->k_stride * b->plan->step);
    pack_rows(packed + b->stride * b->depth, (const char *)c->v + (size_t)(key * c->v_stride + column) * size, c->dtype,
              b->pairs, keys, c->head_dim, c->v_stride * b->plan->step);
}

static void attention_pack(const ck_attention_plan *plan, ptrdiff_t unit, ptrdiff_t block, float *packed) {
    struct attention_block b = attention_layout(plan, unit);
    if (block * plan->key_block < b.tokens)
        pack_keys(&b, block, packed);
}

static void copy_queries(const struct attention_block *b, const char *q, ptrdiff_t stride) {
    const ck_attention_call *c = &b->plan->call;
    size_t row_bytes = (size_t)stride * ck_size(c->dtype);
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        const char *x = q + (size_t)row * row_bytes;
        for (ptrdiff_t first = 0; first < b->depth; first += most_depth) {
            float *out = b->q + first * b->rows + row * most_depth;
            for (ptrdiff_t i = first; i < ck_min(first + most_depth, b->depth); i += W)
                v_store(out + i - first, get_words(x, c->dtype, b->pairs, i, c->head_dim));
        }
    }
}

static void multiply_keys(const struct attention_block *b) {
    for (ptrdiff_t i = 0; i < b->queries * W; i += W)
        v_store(b->largest + i, v_set(-INFINITY));
    struct product p = {.out = b->logits,
                        .out_stride = most_depth,
                        .ones = b->ones,
                        .largest = b->largest,
                        .a = b->q,
                        .a_rows = b->rows,
                        .part = b->depth,
                        .rows = b->queries,
                        .fetches = b->fetches,
                        .depth = b->depth,
                        .pairs = b->pairs};
    ptrdiff_t part = b->plan->key_block, left = b->keys;
    for (ptrdiff_t i = 0; left > 0; i++, left -= part, p.out += part) {
        p.b[0] = b->parts[i];
        p.columns = ck_ceil_div(ck_min(part, left), W) * W;
        multiply(&p);
    }
}

static void multiply_values(const struct attention_block *b, bool first) {
    ptrdiff_t numbers = b->pairs ? 2 : 1; // of a word
    struct product p = {.out = b->out,
                        .out_stride = b->columns,
                        .keep = first ? NULL : b->keep,
                        .ones = b->ones,
                        .a = b->logits,
                        .a_rows = rows_at_once,
                        .part = ck_ceil_div(b->plan->key_block, numbers),
                        .rows = b->queries,
                        .fetches = b->fetches,
                        .columns = b->columns,
                        .depth = ck_ceil_div(b->keys, numbers),
                        .pairs = b->pairs};
    for (ptrdiff_t i = 0; i * b->plan->key_block < b->keys; i++)
        p.b[i] = b->parts[i] + b->stride * b->depth;
    multiply(&p);
}

/// Biases i..<i + W of keys that are `step` apart; NULL has none.
INLINE vf get_bias(const float *bias, ptrdiff_t i, ptrdiff_t keys, ptrdiff_t step) {
    if (!bias)
        return v_set(0);
    if (step == 1)
        return v_take(bias, CK_DTYPE_F32, i, keys);
    float values[W] = {0};
    for (ptrdiff_t j = 0; j < ck_min(W, keys - i); j++)
        values[j] = bias[(i + j) * step];
    return v_load(values);
}

/// Scales the logits to powers of two and adds the biases, which begin at the block's first query and key.
static void add_biases(const struct attention_block *b, const float *head_bias, const float *key_bias) {
    const vf log2e = v_set(0x1.715476p0f), factor = v_set(b->plan->call.scale) * log2e;
    ptrdiff_t step = b->plan->step;
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        float *logits = b->logits + row * most_depth;
        const float *own = head_bias ? head_bias + row * step * b->plan->call.keys : NULL;
        for (ptrdiff_t i = 0; i < b->keys; i += W) {
            vf bias = get_bias(own, i, b->keys, step) + get_bias(key_bias, i, b->keys, step);
            v_store(logits + i, v_fma(bias, log2e, v_load(logits + i) * factor));
        }
    }
}

/// Hides the columns behind the last key and finds the candidates for the largest logit anew.
static void hide_columns(const struct attention_block *b) {
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        float *logits = b->logits + row * most_depth;
        vf largest = v_set(-INFINITY);
        for (ptrdiff_t i = 0; i < b->keys; i += W) {
            vf x = v_load(logits + i);
            if (i + W > b->keys) {
                x = v_first(x, b->keys - i, v_set(-INFINITY));
                v_store(logits + i, x);
            }
            largest = v_max(largest, x);
        }
        v_store(b->largest + row * W, largest);
    }
}

INLINE void weigh_vectors(const int count, float *logits, ptrdiff_t i, vf factor, vf shift, const bool pairs,
                          vf *sum) {
    vf x[4];
    UNROLL for (int j = 0; j < count; j++) x[j] = v_fma(v_load(logits + i + j * W), factor, shift);
    v_exp2_all(x, count, pairs);
    UNROLL for (int j = 0; j < count; j++) {
        *sum += x[j];
        if (pairs)
            v_put(logits, CK_DTYPE_BF16, i + j * W, x[j]);
        else
            v_store(logits + i + j * W, x[j]);
    }
}

/// Turns logits into weights 2^(factor · logit - most); as bf16, in the first half of their row, when `pairs`.
INLINE void weigh(const struct attention_block *b, float factor, const bool pairs) {
    ptrdiff_t columns = ck_ceil_div(b->keys, W) * W;
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        float most = b->most[row], next = v_largest(v_load(b->largest + row * W)) * factor;
        next = next > most ? next : most;
        // A row with nothing but -∞ so far keeps the sum 0.
        float reference = next == -INFINITY ? 0 : next;
        b->most[row] = next;
        b->keep[row] = v_exp2(v_set(most - reference), false)[0];
        b->largest[row * W] = -reference;
    }
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        float *logits = b->logits + row * most_depth;
        vf sum = v_set(0), shift = v_set(b->largest[row * W]), f = v_set(factor);
        ptrdiff_t i = 0;
        for (; i + 4 * W <= columns; i += 4 * W)
            weigh_vectors(4, logits, i, f, shift, pairs, &sum);
        for (; i < columns; i += W)
            weigh_vectors(1, logits, i, f, shift, pairs, &sum);
        b->sum[row] = b->sum[row] * b->keep[row] + v_sum(sum);
    }
}

static void store_rows(const struct attention_block *b, char *out, ptrdiff_t stride) {
    const ck_attention_call *c = &b->plan->call;
    size_t row_bytes = (size_t)stride * ck_size(c->dtype);
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        const float *x = b->out + row * b->columns;
        vf factor = v_set(b->sum[row] > 0 ? 1 / b->sum[row] : b->sum[row]);
        char *place = out + (size_t)row * row_bytes;
        for (ptrdiff_t i = 0; i < c->head_dim; i += W)
            v_give(place, c->dtype, i, v_load(x + i) * factor, c->head_dim);
    }
}

/// Some queries of a block, from `row` on.
static struct attention_block rows_from(const struct attention_block *b, ptrdiff_t row) {
    struct attention_block rows = *b;
    rows.queries = ck_min(rows_at_once, b->queries - row);
    rows.fetches = row == 0;
    rows.q += row * most_depth;
    rows.out += row * b->columns;
    rows.most += row;
    rows.sum += row;
    rows.keep += row;
    rows.ones += row;
    return rows;
}

/// The queries meet the keys of b->parts, of which the first is `first`.
static void attend_keys(struct attention_block *b, ptrdiff_t first, ptrdiff_t query, bool is_first) {
    const ck_attention_call *c = &b->plan->call;
    ptrdiff_t key = b->first_token + first * b->plan->step;
    const float *head_bias = c->head_bias ? c->head_bias + (b->head * c->queries + query) * c->keys + key : NULL;
    bool scaled = c->head_bias || c->key_bias || c->scale <= 0;
    float factor = scaled ? 1 : c->scale * 0x1.715476p0f;
    for (ptrdiff_t row = 0; row < b->queries; row += rows_at_once) {
        struct attention_block rows = rows_from(b, row);
        multiply_keys(&rows);
        if (scaled)
            add_biases(&rows, head_bias ? head_bias + row * b->plan->step * c->keys : NULL,
                       c->key_bias ? c->key_bias + key : NULL);
        if (scaled || rows.keys % W != 0)
            hide_columns(&rows);
        if (b->pairs)
            weigh(&rows, factor, true);
        else
            weigh(&rows, factor, false);
        multiply_values(&rows, is_first);
    }
}

/// Lets the queries meet `count` blocks of keys, those of a list or all of them, some at once.
static void attend_blocks(struct attention_block *b, const int32_t *list, ptrdiff_t count, ptrdiff_t query,
                          const float *packed) {
    ptrdiff_t size = b->plan->key_block, floats = attention_packed(b->plan);
    for (ptrdiff_t i = 0; i < count; i += b->plan->parts) {
        b->keys = 0;
        for (ptrdiff_t j = 0; j < ck_min(b->plan->parts, count - i); j++) {
            ptrdiff_t block = list ? list[i + j] : i + j;
            b->keys += ck_min(size, b->tokens - block * size);
            b->parts[j] = packed ? packed + block * floats : b->packed + j * floats;
            if (!packed)
                pack_keys(b, block, b->packed + j * floats);
        }
        attend_keys(b, (list ? list[i] : i) * size, query, i == 0);
    }
}

static void attend_block(const ck_attention_plan *plan, ptrdiff_t unit, ptrdiff_t block, const float *packed,
                         float *scratch) {
    struct attention_block b = attention_layout(plan, unit);
    const ck_attention_call *c = &plan->call;
    size_t size = ck_size(c->dtype);
    ptrdiff_t first_query = block * plan->query_block, column = b.head * c->head_dim;
    b.queries = ck_min(plan->query_block, (c->groups == CK_GROUPS_ALL ? c->queries : b.tokens) - first_query);
    if (b.queries <= 0)
        return;
    place_arrays(&b, scratch);
    ptrdiff_t query = b.first_token + first_query * plan->step;
    copy_queries(&b, (const char *)c->q + (size_t)(query * c->q_stride + column) * size, c->q_stride * plan->step);
    for (ptrdiff_t row = 0; row < b.queries; row++) {
        b.most[row] = -INFINITY;
        b.sum[row] = 0;
        b.ones[row] = 1;
    }
    ptrdiff_t count = ck_ceil_div(b.tokens, plan->key_block);
    const int32_t *list = NULL;
    if (c->block_start) {
        const int32_t *start = c->block_start + unit * ck_ceil_div(c->queries, CK_LIST_QUERIES) + block;
        list = c->block_index + start[0];
        count = start[1] - start[0];
    }
    if (count == 0)
        memset(b.out, 0, (size_t)(b.queries * b.columns) * sizeof(float));
    attend_blocks(&b, list, count, query, packed);
    store_rows(&b, (char *)c->out + (size_t)(query * c->out_stride + column) * size, c->out_stride * plan->step);
}
