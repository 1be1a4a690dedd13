#include "product.h"

namespace emulation {

namespace {

typedef float Eight __attribute__((vector_size(32), aligned(4)));

/// Four rows by eight columns at a time: enough chains of sums to hide their latency, few enough for the registers.
__attribute__((always_inline)) inline void add_product_tiles(float *d, const float *a, const float *b, int rows,
                                                             int columns) {
    for (int column = 0; column < columns; column += 8)
        for (int row = 0; row < rows; row += 4) {
            Eight sum[4];
            for (int i = 0; i < 4; i++)
                sum[i] = *(const Eight *)(d + (row + i) * columns + column);
            for (int k = 0; k < 16; k++) {
                Eight right = *(const Eight *)(b + k * columns + column);
                for (int i = 0; i < 4; i++)
                    sum[i] += a[(row + i) * 16 + k] * right;
            }
            for (int i = 0; i < 4; i++)
                *(Eight *)(d + (row + i) * columns + column) = sum[i];
        }
}

void add_product_baseline(float *d, const float *a, const float *b, int rows, int columns) {
    add_product_tiles(d, a, b, rows, columns);
}

#if defined(__x86_64__)
__attribute__((target("avx2,fma"))) void add_product_avx2(float *d, const float *a, const float *b, int rows,
                                                          int columns) {
    add_product_tiles(d, a, b, rows, columns);
}
#endif

} // namespace

bool has_avx2() {
#if defined(__x86_64__)
    __builtin_cpu_init(); // it may be asked before main
    return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
    return false;
#endif
}

void add_product(float *d, const float *a, const float *b, int rows, int columns) {
#if defined(__x86_64__)
    static const bool fast = has_avx2();
    if (fast)
        return add_product_avx2(d, a, b, rows, columns);
#endif
    add_product_baseline(d, a, b, rows, columns);
}

} // namespace emulation
