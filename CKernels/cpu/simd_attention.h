// One block of queries of one head against all its keys: softmax(q kᵀ) v with the running maximum and sum of each row
// (online softmax), so that no more than one block of logits exists at a time.
#include "simd_product.h"

struct attention_block {
    const ck_attention_plan *plan;
    bool pairs;
    ptrdiff_t queries, keys; // of this block
    ptrdiff_t depth;         // words of a head: pairs or numbers
    ptrdiff_t columns;       // head_dim, rounded up to whole vectors
    ptrdiff_t stride;        // of the logits
    float *q, *packed_keys, *packed_values, *logits, *out;
    float *most, *sum, *keep, *ones; // of each query: largest logit (log₂), sum, what remains of earlier blocks, 1
};

static struct attention_block attention_layout(const ck_attention_plan *plan) {
    struct attention_block b = {.plan = plan, .pairs = CK_PAIRS && plan->call.dtype == CK_DTYPE_BF16};
    ptrdiff_t width = plan->call.head_dim;
    b.depth = b.pairs ? (width + 1) / 2 : width;
    b.columns = ck_ceil_div(width, W) * W;
    b.stride = ck_ceil_div(plan->key_block, panel) * panel;
    return b;
}

/// Numbers of the arrays of a block, in the order q, packed_keys, packed_values, logits, out, rows.
static void attention_sizes(const struct attention_block *b, ptrdiff_t sizes[6]) {
    ptrdiff_t rows = ck_ceil_div(b->plan->query_block, 16) * 16;
    sizes[0] = rows * b->depth;
    sizes[1] = b->stride * b->depth;
    sizes[2] = b->stride * b->columns;
    sizes[3] = rows * b->stride;
    sizes[4] = rows * b->columns;
    sizes[5] = rows * 4;
}

static size_t attention_bytes(const ck_attention_plan *plan) {
    struct attention_block b = attention_layout(plan);
    ptrdiff_t sizes[6], sum = 0;
    attention_sizes(&b, sizes);
    for (int i = 0; i < 6; i++)
        sum += ck_ceil_div(sizes[i], 16) * 16;
    return (size_t)sum * sizeof(float);
}

static void place_arrays(struct attention_block *b, float *scratch) {
    ptrdiff_t sizes[6];
    float **arrays[6] = {&b->q, &b->packed_keys, &b->packed_values, &b->logits, &b->out, &b->most};
    attention_sizes(b, sizes);
    for (int i = 0; i < 6; i++) {
        *arrays[i] = scratch;
        scratch += ck_ceil_div(sizes[i], 16) * 16;
    }
    b->sum = b->most + sizes[5] / 4;
    b->keep = b->sum + sizes[5] / 4;
    b->ones = b->keep + sizes[5] / 4;
}

static void copy_queries(const struct attention_block *b, const char *q, ptrdiff_t stride) {
    const ck_attention_call *c = &b->plan->call;
    size_t row_bytes = (size_t)stride * ck_size(c->dtype);
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        float *out = b->q + row * b->depth;
        ptrdiff_t i = 0;
        for (; i + W <= b->depth; i += W)
            v_store(out + i, get_words(q + (size_t)row * row_bytes, c->dtype, b->pairs, i, c->head_dim));
        if (i < b->depth)
            v_put_part(out, CK_DTYPE_F32, i, get_words(q + (size_t)row * row_bytes, c->dtype, b->pairs, i, c->head_dim),
                       b->depth - i);
    }
}

/// Scales a row of logits to log₂ units and adds the biases, which are `step` apart.
static void add_bias(float *logits, float factor, const float *head_bias, const float *key_bias, ptrdiff_t keys,
                     ptrdiff_t step) {
    const float log2e = 0x1.715476p0f;
    for (ptrdiff_t i = 0; i < keys; i++) {
        float bias = (head_bias ? head_bias[i * step] : 0) + (key_bias ? key_bias[i * step] : 0);
        logits[i] = logits[i] * factor + bias * log2e;
    }
}

/// Turns a row of logits into weights 2^(factor · logit - most), as bf16 pairs in place when `pairs`.
INLINE void weigh_row(const struct attention_block *b, float *logits, ptrdiff_t row, ptrdiff_t keys, float factor,
                      const bool pairs) {
    vf largest = v_set(-INFINITY), sum = v_set(0), f = v_set(factor);
    for (ptrdiff_t i = 0; i < keys; i += W)
        largest = v_max(largest, v_load(logits + i));
    float most = b->most[row], next = v_largest(largest) * factor;
    next = next > most ? next : most;
    // A row with nothing but -∞ so far keeps the sum 0.
    float reference = next == -INFINITY ? 0 : next;
    vf shift = v_set(-reference);
    for (ptrdiff_t i = 0; i < keys; i += W) {
        vf weight = v_exp2(v_fma(v_load(logits + i), f, shift), pairs);
        sum += weight;
        if (pairs)
            v_put(logits, CK_DTYPE_BF16, i, weight);
        else
            v_store(logits + i, weight);
    }
    float keep = v_exp2(v_set(most - reference), false)[0];
    b->keep[row] = keep;
    b->most[row] = next;
    b->sum[row] = b->sum[row] * keep + v_sum(sum);
}

/// Turns the logits of the block into weights; the biases begin at its first query and key.
static void weigh(const struct attention_block *b, const float *head_bias, const float *key_bias) {
    const ck_attention_plan *p = b->plan;
    float factor = p->call.scale * 0x1.715476p0f;
    bool plain = !head_bias && !key_bias && factor > 0;
    ptrdiff_t keys = ck_ceil_div(b->keys, W) * W;
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        float *logits = b->logits + row * b->stride;
        if (!plain)
            add_bias(logits, factor, head_bias ? head_bias + row * p->step * p->call.keys : NULL, key_bias, b->keys,
                     p->step);
        for (ptrdiff_t i = b->keys; i < keys; i++)
            logits[i] = -INFINITY;
        if (b->pairs)
            weigh_row(b, logits, row, keys, plain ? factor : 1, true);
        else
            weigh_row(b, logits, row, keys, plain ? factor : 1, false);
    }
}

static void store_rows(const struct attention_block *b, char *out, ptrdiff_t stride) {
    const ck_attention_call *c = &b->plan->call;
    size_t row_bytes = (size_t)stride * ck_size(c->dtype);
    for (ptrdiff_t row = 0; row < b->queries; row++) {
        const float *x = b->out + row * b->columns;
        vf factor = v_set(b->sum[row] > 0 ? 1 / b->sum[row] : b->sum[row]);
        char *place = out + (size_t)row * row_bytes;
        ptrdiff_t i = 0;
        for (; i + W <= c->head_dim; i += W)
            v_put(place, c->dtype, i, v_load(x + i) * factor);
        if (i < c->head_dim)
            v_put_part(place, c->dtype, i, v_load(x + i) * factor, c->head_dim - i);
    }
}

/// Depth is walked in parts whose panel fits the first-level cache.
static void multiply_deep(bool pairs, float *out, ptrdiff_t out_stride, const float *keep, const float *a,
                          ptrdiff_t a_stride, const float *b, ptrdiff_t rows, ptrdiff_t columns, ptrdiff_t depth,
                          const float *ones) {
    enum { most_depth = 256 };
    for (ptrdiff_t first = 0; first < depth; first += most_depth)
        multiply(pairs, out, out_stride, first ? ones : keep, a + first, a_stride, b, rows, columns, first,
                 ck_min(most_depth, depth - first), depth);
}

static void attend_block(const ck_attention_plan *p, ptrdiff_t index, void *scratch) {
    struct attention_block b = attention_layout(p);
    const ck_attention_call *c = &p->call;
    size_t size = ck_size(c->dtype);
    ptrdiff_t block = index % p->blocks, head = index / p->blocks % c->heads, group = index / p->blocks / c->heads;
    // First token of the group, and how many it has.
    ptrdiff_t start = c->groups == CK_GROUPS_CONSECUTIVE ? group * c->extent : group;
    ptrdiff_t tokens = c->groups == CK_GROUPS_CONSECUTIVE ? ck_min(c->extent, c->keys - start)
                       : c->groups == CK_GROUPS_STRIDED   ? ck_ceil_div(c->keys - start, c->extent)
                                                          : c->keys;
    ptrdiff_t queries = c->groups == CK_GROUPS_ALL ? c->queries : tokens, first_query = block * p->query_block;
    b.queries = ck_min(p->query_block, queries - first_query);
    if (b.queries <= 0)
        return;
    place_arrays(&b, scratch);
    ptrdiff_t query = start + first_query * p->step, column = head * c->head_dim;
    copy_queries(&b, (const char *)c->q + (size_t)(query * c->q_stride + column) * size, c->q_stride * p->step);
    for (ptrdiff_t row = 0; row < b.queries; row++) {
        b.most[row] = -INFINITY;
        b.sum[row] = 0;
        b.ones[row] = 1;
    }
    for (ptrdiff_t first = 0; first < tokens; first += p->key_block) {
        ptrdiff_t key = start + first * p->step;
        b.keys = ck_min(p->key_block, tokens - first);
        pack_transposed(b.packed_keys, (const char *)c->k + (size_t)(key * c->k_stride + column) * size, c->dtype,
                        b.pairs, b.keys, c->head_dim, c->k_stride * p->step);
        pack_rows(b.packed_values, (const char *)c->v + (size_t)(key * c->v_stride + column) * size, c->dtype, b.pairs,
                  b.keys, c->head_dim, c->v_stride * p->step);
        multiply_deep(b.pairs, b.logits, b.stride, NULL, b.q, b.depth, b.packed_keys, b.queries,
                      ck_ceil_div(b.keys, W) * W, b.depth, b.ones);
        weigh(&b, c->head_bias ? c->head_bias + (head * c->queries + query) * c->keys + key : NULL,
              c->key_bias ? c->key_bias + key : NULL);
        multiply_deep(b.pairs, b.out, b.columns, first ? b.keep : NULL, b.logits, b.stride, b.packed_values, b.queries,
                      b.columns, b.pairs ? (b.keys + 1) / 2 : b.keys, b.ones);
    }
    store_rows(&b, (char *)c->out + (size_t)(query * c->out_stride + column) * size, c->out_stride * p->step);
}
