#if defined(__x86_64__)
#include "kernels.h"
#include <immintrin.h>
#pragma clang attribute push(                                                                                          \
    __attribute__((target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx512vnni,avx2,fma,f16c"))),                 \
    apply_to = function)
#define CK_WIDTH 16
#define CK_HALF 1
#define CK_PAIRS 1
#define CK_VNNI 1
#define CK_KERNELS ck_kernels_avx512_bf16
#include "simd_kernels.h"
#pragma clang attribute pop
#endif
