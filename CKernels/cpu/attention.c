#include "kernels.h"

struct attention {
    ck_attention_call call;
    ptrdiff_t runs, step, length; // groups, distance of two tokens of a group, tokens of a group
};

static void attend(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    const struct attention *a = context;
    const ck_attention_call *c = &a->call;
    ptrdiff_t query = index / c->heads, head = index % c->heads, first = 0, end = c->keys, step = 1;
    if (c->groups == CK_GROUPS_CONSECUTIVE) {
        first = query / c->extent * c->extent;
        end = ck_min(first + c->extent, c->keys);
    } else if (c->groups == CK_GROUPS_STRIDED) {
        first = query % c->extent;
        step = c->extent;
    }
    ptrdiff_t column = head * c->head_dim;
    double sum = 0, most = -INFINITY;
    double out[c->head_dim];
    memset(out, 0, sizeof out);
    for (ptrdiff_t key = first; key < end; key += step) {
        double logit = 0;
        for (ptrdiff_t i = 0; i < c->head_dim; i++)
            logit += ck_load(c->q, c->dtype, query * c->q_stride + column + i) *
                     ck_load(c->k, c->dtype, key * c->k_stride + column + i);
        logit *= c->scale;
        if (c->head_bias)
            logit += c->head_bias[(head * c->queries + query) * c->keys + key];
        if (c->key_bias)
            logit += c->key_bias[key];
        double next = logit > most ? logit : most;
        if (next == -INFINITY)
            continue;
        double weight = exp(logit - next), keep = exp(most - next);
        sum = sum * keep + weight;
        for (ptrdiff_t i = 0; i < c->head_dim; i++)
            out[i] = out[i] * keep + weight * ck_load(c->v, c->dtype, key * c->v_stride + column + i);
        most = next;
    }
    for (ptrdiff_t i = 0; i < c->head_dim; i++)
        ck_store(c->out, c->dtype, query * c->out_stride + column + i, sum > 0 ? (float)(out[i] / sum) : 0);
}

bool ck_attention(const ck_attention_call *call, ck_pool *pool) {
    struct attention a = {.call = *call};
    ptrdiff_t width = call->heads * call->head_dim;
    a.call.q_stride = call->q_stride ? call->q_stride : width;
    a.call.k_stride = call->k_stride ? call->k_stride : width;
    a.call.v_stride = call->v_stride ? call->v_stride : width;
    a.call.out_stride = call->out_stride ? call->out_stride : width;
    ck_parallel_for(pool, call->queries * call->heads, attend, &a);
    return true;
}
