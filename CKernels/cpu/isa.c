// The instruction sets of this processor, and which inner loops are used.
#include "kernels.h"

ck_isa ck_isa_best(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
        return CK_ISA_BASELINE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return CK_ISA_AVX2;
    return __builtin_cpu_supports("avx512bf16") && __builtin_cpu_supports("avx512vnni") ? CK_ISA_AVX512_BF16
                                                                                        : CK_ISA_AVX512;
#else
    return CK_ISA_BASELINE;
#endif
}

const char *ck_isa_name(ck_isa level) {
    static const char *const names[] = {"baseline", "avx2", "avx512", "avx512-bf16"};
    return names[level];
}

const struct ck_kernels *ck_kernels(const ck_pool *pool) {
#if defined(__x86_64__)
    static const struct ck_kernels *const levels[] = {&ck_kernels_baseline, &ck_kernels_avx2, &ck_kernels_avx512,
                                                      &ck_kernels_avx512_bf16};
    return levels[ck_pool_isa(pool)];
#else
    (void)pool;
    return &ck_kernels_baseline;
#endif
}
