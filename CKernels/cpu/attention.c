#include "kernels.h"
#include <stdatomic.h>

struct attention {
    ck_attention_plan plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
    size_t scratch_bytes;
    ptrdiff_t count, piece; // blocks of work, and how many of them are one piece
    atomic_bool failed;
};

static void attend(void *context, ptrdiff_t index, int thread) {
    struct attention *a = context;
    void *scratch = ck_scratch(a->pool, thread, a->scratch_bytes);
    if (!scratch) {
        atomic_store_explicit(&a->failed, true, memory_order_relaxed);
        return;
    }
    for (ptrdiff_t i = index * a->piece; i < ck_min((index + 1) * a->piece, a->count); i++)
        a->kernels->attend_block(&a->plan, i, scratch);
}

/// Blocks large enough to pay for packing keys and values, small enough for the second-level cache and for all threads.
static void choose_blocks(struct attention *a, ptrdiff_t groups, ptrdiff_t tokens, ptrdiff_t queries) {
    const ck_attention_call *c = &a->plan.call;
    ptrdiff_t threads = ck_pool_threads(a->pool), wide = ck_max(c->head_dim, 1);
    ptrdiff_t query_block = wide <= 128 ? ck_most_queries : wide <= 512 ? 144 : 96;
    while (query_block > ck_least_queries && groups * c->heads * ck_ceil_div(queries, query_block) < 4 * threads)
        query_block -= 48;
    ptrdiff_t blocks = ck_max(ck_ceil_div(queries, query_block), 1);
    a->plan.blocks = blocks;
    a->plan.query_block = ck_min(ck_ceil_div(ck_ceil_div(queries, blocks), 12) * 12, query_block);
    a->plan.key_block = ck_min(ck_min(ck_max(32768 / wide / 32 * 32, 64), 256), ck_max(tokens, 1));
    a->count = groups * c->heads * blocks;
    // Some microseconds at least, so that handing out pieces costs little.
    ptrdiff_t work = ck_max(a->plan.query_block * tokens * wide, 1);
    a->piece = ck_max(ck_min(1000000 / work, a->count / (4 * threads)), 1);
}

bool ck_attention(const ck_attention_call *call, ck_pool *pool) {
    struct attention a = {.plan = {.call = *call, .step = 1}, .kernels = ck_kernels(), .pool = pool};
    ck_attention_call *c = &a.plan.call;
    ptrdiff_t width = c->heads * c->head_dim, groups = 1, tokens = c->keys, queries = c->queries;
    c->q_stride = c->q_stride ? c->q_stride : width;
    c->k_stride = c->k_stride ? c->k_stride : width;
    c->v_stride = c->v_stride ? c->v_stride : width;
    c->out_stride = c->out_stride ? c->out_stride : width;
    if (c->groups == CK_GROUPS_CONSECUTIVE) {
        groups = ck_ceil_div(c->keys, c->extent);
        tokens = queries = ck_min(c->extent, c->keys);
    } else if (c->groups == CK_GROUPS_STRIDED) {
        groups = ck_min(c->extent, c->keys);
        tokens = queries = ck_ceil_div(c->keys, c->extent);
        a.plan.step = c->extent;
    }
    choose_blocks(&a, groups, tokens, queries);
    a.scratch_bytes = a.kernels->attention_bytes(&a.plan);
    ck_parallel_for(pool, ck_ceil_div(a.count, a.piece), attend, &a);
    return !atomic_load(&a.failed);
}
