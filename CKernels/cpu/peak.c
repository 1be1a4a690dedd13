// What the processor can do at most; the inner loop is in simd_peak.h.
#include "kernels.h"

enum { rounds_of_piece = 1 << 14 };

struct peak {
    const struct ck_kernels *kernels;
    float factors[2];
    float sums[]; // one a piece
};

static void multiply_add(void *context, ptrdiff_t index, int thread) {
    (void)thread;
    struct peak *peak = context;
    peak->sums[index] = peak->kernels->multiply_add(peak->factors, rounds_of_piece);
}

double ck_multiply_adds(ptrdiff_t pieces, ck_pool *pool) {
    struct peak *peak = ck_shared_scratch(pool, sizeof *peak + (size_t)pieces * sizeof(float));
    if (!peak)
        return 0;
    peak->kernels = ck_kernels(pool);
    peak->factors[0] = 0.5f;
    peak->factors[1] = 1;
    ck_parallel_for(pool, pieces, multiply_add, peak);
    return 2.0 * (double)pieces * rounds_of_piece * peak->kernels->multiply_add_width;
}
