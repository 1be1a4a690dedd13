// How attention is cut for the threads: units, each a head of a group, and blocks of their queries and keys. What
// computes a block is in simd_attention.h and, for few keys, in simd_short_attention.h.
#include "kernels.h"
#include <stdatomic.h>

struct attention {
    ck_attention_plan plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
    size_t scratch_bytes;
    bool is_short; // few keys: nothing is packed
    ptrdiff_t units, query_blocks, key_blocks;
    ptrdiff_t piece;             // blocks of queries that are handed out together
    ptrdiff_t packed_floats;     // of a unit; 0 where each block of queries packs for itself
    ptrdiff_t first_unit, batch; // the units that are packed at present
    float *packed;
    atomic_bool failed;
};

static void pack(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct attention *a = context;
    ptrdiff_t unit = index / a->key_blocks, block = index % a->key_blocks;
    float *packed = a->packed + unit * a->packed_floats + block * (a->packed_floats / a->key_blocks);
    a->kernels->attention_pack(&a->plan, a->first_unit + unit, block, packed);
}

static void attend(void *context, ptrdiff_t index, int thread) {
    struct attention *a = context;
    float *scratch = ck_scratch(a->pool, thread, a->scratch_bytes);
    if (!scratch) {
        atomic_store_explicit(&a->failed, true, memory_order_relaxed);
        return;
    }
    ptrdiff_t end = ck_min((index + 1) * a->piece, a->batch * a->query_blocks);
    if (a->is_short) {
        a->kernels->attend_short(&a->plan, index * a->piece, end, a->query_blocks, scratch);
        return;
    }
    for (ptrdiff_t i = index * a->piece; i < end; i++) {
        ptrdiff_t unit = i / a->query_blocks;
        const float *packed = a->packed_floats ? a->packed + unit * a->packed_floats : NULL;
        a->kernels->attend_block(&a->plan, a->first_unit + unit, i % a->query_blocks, packed, scratch);
    }
}

/// Blocks of queries large enough to pay for reading all keys and values, small enough for the second-level cache and,
/// those of so many units together, for all threads.
static void choose_query_blocks(struct attention *a, ptrdiff_t queries, ptrdiff_t units) {
    enum { least_queries = 48 };
    ptrdiff_t query_block = a->plan.call.head_dim <= 512 ? 192 : 384;
    while (query_block > least_queries && units * ck_ceil_div(queries, query_block) < 4 * ck_pool_threads(a->pool))
        query_block -= 48;
    a->query_blocks = ck_max(ck_ceil_div(queries, query_block), 1);
    a->plan.query_block = ck_min(ck_ceil_div(ck_ceil_div(queries, a->query_blocks), 12) * 12, query_block);
}

static void choose_blocks(struct attention *a, ptrdiff_t tokens, ptrdiff_t queries) {
    const ck_attention_call *c = &a->plan.call;
    enum { most_keys = 256, packed_bytes = 1 << 24 };
    choose_query_blocks(a, queries, a->units);
    a->plan.key_block = ck_min(most_keys, ck_max(tokens, 1));
    if (c->block_start) {
        a->query_blocks = ck_ceil_div(queries, CK_LIST_QUERIES);
        a->plan.query_block = CK_LIST_QUERIES;
        a->plan.key_block = CK_LIST_KEYS;
        a->plan.parts = most_keys / CK_LIST_KEYS;
    }
    a->key_blocks = ck_ceil_div(tokens, a->plan.key_block);
    a->is_short = !c->block_start && tokens <= a->kernels->short_keys(&a->plan);
    a->batch = a->units;
    ptrdiff_t lists = a->units * a->query_blocks;
    ptrdiff_t met = c->block_start ? c->block_start[lists] - c->block_start[0] : lists * a->key_blocks;
    // What three blocks of queries meet, or more, is packed for all of them.
    if (met >= 3 * a->units * a->key_blocks && !a->is_short) {
        a->packed_floats = a->key_blocks * a->kernels->attention_packed(&a->plan);
        a->batch = ck_min(ck_max(packed_bytes / 4 / ck_max(a->packed_floats, 1), 1), a->units);
        if (!c->block_start)
            choose_query_blocks(a, queries, a->batch);
    }
    // Some microseconds at least, so that handing out pieces costs little.
    ptrdiff_t work = ck_max(a->plan.query_block * tokens * c->head_dim, 1);
    a->piece = ck_max(ck_min(1000000 / work, a->units * a->query_blocks / (4 * ck_pool_threads(a->pool))), 1);
}

bool ck_attention(const ck_attention_call *call, ck_pool *pool) {
    struct attention a = {.plan = {.call = *call, .step = 1, .parts = 1}, .kernels = ck_kernels(pool), .pool = pool};
    ck_attention_call *c = &a.plan.call;
    ptrdiff_t width = c->heads * c->head_dim, groups = 1, tokens = c->keys, queries = c->queries;
    c->q_stride = c->q_stride ? c->q_stride : width;
    c->k_stride = c->k_stride ? c->k_stride : width;
    c->v_stride = c->v_stride ? c->v_stride : width;
    c->out_stride = c->out_stride ? c->out_stride : width;
    if (c->groups == CK_GROUPS_CONSECUTIVE) {
        groups = ck_ceil_div(tokens, c->extent);
        tokens = queries = ck_min(c->extent, tokens);
    } else if (c->groups == CK_GROUPS_STRIDED) {
        groups = ck_min(c->extent, tokens);
        tokens = queries = ck_ceil_div(tokens, c->extent);
        a.plan.step = c->extent;
    }
    a.units = groups * c->heads;
    choose_blocks(&a, tokens, queries);
    a.scratch_bytes = a.is_short ? a.kernels->short_bytes(&a.plan) : a.kernels->attention_bytes(&a.plan);
    if (a.packed_floats) {
        a.packed = ck_shared_scratch(pool, (size_t)(a.batch * a.packed_floats) * sizeof(float));
        if (!a.packed)
            return false;
    }
    for (ptrdiff_t batch = a.batch; a.first_unit < a.units; a.first_unit += batch) {
        a.batch = ck_min(batch, a.units - a.first_unit);
        if (a.packed_floats)
            ck_parallel_for(pool, a.batch * a.key_blocks, pack, &a);
        ck_parallel_for(pool, ck_ceil_div(a.batch * a.query_blocks, a.piece), attend, &a);
    }
    return !atomic_load(&a.failed);
}
