// Convolutions as products of gathered rows, which gemm.c cuts and simd_gemm.h multiplies, and how their kernels are
// packed.
#include "kernels.h"
#include <stdatomic.h>

static ck_gemm_plan plan_convolution(const ck_kernel *kernel) {
    return (ck_gemm_plan){.x_dtype = kernel->x_dtype,
                          .channels = kernel->in_channels,
                          .pixel_stride = kernel->in_channels,
                          .w_stride = kernel->extent[1] * kernel->extent[2] * kernel->in_channels,
                          .kernel = {kernel->extent[0], kernel->extent[1], kernel->extent[2]},
                          .n = kernel->out_channels,
                          .packed_end = kernel->out_channels};
}

size_t ck_kernel_bytes(const ck_kernel *kernel, const ck_pool *pool) {
    ck_gemm_plan plan = plan_convolution(kernel);
    return (size_t)(kernel->extent[0] * ck_kernels(pool)->gemm_packed(&plan, plan.n)) * sizeof(float);
}

struct kernel_packing {
    const ck_kernel *kernel;
    ck_gemm_plan plan;
    const struct ck_kernels *kernels;
    ck_pool *pool;
    float *packed;
    const void *w;
    ck_dtype w_dtype;
    atomic_bool failed;
};

/// Some columns of one slice in time, first put in order: channels fastest, as in the frames.
static void pack_slice(void *context, ptrdiff_t index, int thread) {
    struct kernel_packing *p = context;
    const ck_kernel *kernel = p->kernel;
    ptrdiff_t times = kernel->extent[0], taps = kernel->extent[1] * kernel->extent[2], channels = kernel->in_channels;
    ptrdiff_t time = index % times, first = index / times * ck_column_step, width = taps * channels;
    ptrdiff_t columns = ck_min(ck_column_step, kernel->out_channels - first);
    void *rows = ck_scratch(p->pool, thread, (size_t)(columns * width) * sizeof(float));
    if (!rows) {
        atomic_store_explicit(&p->failed, true, memory_order_relaxed);
        return;
    }
    for (ptrdiff_t i = 0; i < columns * channels; i++) {
        ptrdiff_t from = ((first * channels + i) * times + time) * taps, to = i / channels * width + i % channels;
        for (ptrdiff_t tap = 0; tap < taps; tap++)
            ck_store(rows, kernel->x_dtype, to + tap * channels, ck_load(p->w, p->w_dtype, from + tap));
    }
    ptrdiff_t slice = p->kernels->gemm_packed(&p->plan, kernel->out_channels);
    p->kernels->gemm_pack(&p->plan, p->packed + time * slice + p->kernels->gemm_packed(&p->plan, first), rows,
                          kernel->x_dtype, columns);
}

bool ck_kernel_pack(void *packed, const void *w, ck_dtype w_dtype, const ck_kernel *kernel, ck_pool *pool) {
    struct kernel_packing packing = {.kernel = kernel,
                                     .plan = plan_convolution(kernel),
                                     .kernels = ck_kernels(pool),
                                     .pool = pool,
                                     .packed = packed,
                                     .w = w,
                                     .w_dtype = w_dtype};
    ptrdiff_t groups = ck_ceil_div(kernel->out_channels, ck_column_step);
    ck_parallel_for(pool, groups * kernel->extent[0], pack_slice, &packing);
    return !atomic_load(&packing.failed);
}

bool ck_convolution(void *out, ck_dtype out_dtype, const void *const *frames, const ck_kernel *kernel,
                    const void *packed, const ck_window *window, const float *bias, bool accumulate, ptrdiff_t count,
                    ptrdiff_t height, ptrdiff_t width, ck_pool *pool) {
    ck_gemm_plan plan = plan_convolution(kernel);
    plan.out = out;
    plan.out_dtype = out_dtype;
    plan.frames = frames;
    plan.window = *window;
    plan.height = height;
    plan.width = width;
    plan.m = count * height * width;
    plan.bias = bias;
    plan.epilogue = accumulate ? CK_EPILOGUE_ADD : CK_EPILOGUE_NONE;
    plan.packed = packed;
    return plan.m <= 0 || plan.n <= 0 || ck_multiply_packed(&plan, pool);
}
