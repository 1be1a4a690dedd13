#include "kernels.h"

struct gemm {
    void *out;
    const void *x, *w;
    ck_dtype out_dtype, x_dtype, w_dtype;
    const float *bias, *gate;
    ck_epilogue epilogue;
    ptrdiff_t n, k;
};

static void multiply_row(void *context, ptrdiff_t row, int thread) {
    (void)thread;
    const struct gemm *g = context;
    for (ptrdiff_t column = 0; column < g->n; column++) {
        double sum = g->bias ? g->bias[column] : 0;
        for (ptrdiff_t i = 0; i < g->k; i++)
            sum += ck_load(g->x, g->x_dtype, row * g->k + i) * ck_load(g->w, g->w_dtype, column * g->k + i);
        ptrdiff_t at = row * g->n + column;
        float y = (float)sum;
        if (g->epilogue == CK_EPILOGUE_GELU)
            y = 0.5f * y * (1 + tanhf(0.7978845608f * (y + 0.044715f * y * y * y)));
        else if (g->epilogue == CK_EPILOGUE_SILU)
            y = y / (1 + expf(-y));
        else if (g->epilogue == CK_EPILOGUE_ADD)
            y += ck_load(g->out, g->out_dtype, at);
        else if (g->epilogue == CK_EPILOGUE_GATED_ADD)
            y = ck_load(g->out, g->out_dtype, at) + g->gate[column] * y;
        ck_store(g->out, g->out_dtype, at, y);
    }
}

bool ck_gemm(void *out, ck_dtype out_dtype, const void *x, ck_dtype x_dtype, const void *w, ck_dtype w_dtype,
             const float *bias, ck_epilogue epilogue, const float *gate, ptrdiff_t m, ptrdiff_t n, ptrdiff_t k,
             ck_pool *pool) {
    struct gemm g = {out, x, w, out_dtype, x_dtype, w_dtype, bias, gate, epilogue, n, k};
    ck_parallel_for(pool, m, multiply_row, &g);
    return true;
}
