// Multiplications and additions in registers alone: the most that a processor can do.
#include "simd_product.h"

enum { peak_sums = 2 * product_rows };

/// A number that depends on all of `rounds` rounds of peak_sums · W multiplications and additions.
static float multiply_add(const float *factors, ptrdiff_t rounds) {
    vf sum[peak_sums], a = v_set(factors[0]), b = v_set(factors[1]);
    UNROLL for (int i = 0; i < peak_sums; i++) sum[i] = v_set((float)i);
    for (ptrdiff_t round = 0; round < rounds; round++) {
        UNROLL for (int i = 0; i < peak_sums; i++) sum[i] = v_fma(sum[i], a, b);
    }
    UNROLL for (int i = 1; i < peak_sums; i++) sum[0] += sum[i];
    return v_sum(sum[0]);
}
