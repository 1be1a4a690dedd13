#if defined(__x86_64__)
#include "kernels.h"
#include <immintrin.h>
#pragma clang attribute push(__attribute__((target("avx2,fma,f16c"))), apply_to = function)
#define CK_WIDTH 8
#define CK_HALF 1
#define CK_PAIRS 0
#define CK_VNNI 0
#define CK_KERNELS ck_kernels_avx2
#include "simd_kernels.h"
#pragma clang attribute pop
#endif
