#include "kernels.h"
#include <stdatomic.h>

static atomic_int current = -1;

ck_isa ck_isa_best(void) {
#if defined(__x86_64__)
    __builtin_cpu_init();
    if (!__builtin_cpu_supports("avx2") || !__builtin_cpu_supports("fma") || !__builtin_cpu_supports("f16c"))
        return CK_ISA_BASELINE;
    if (!__builtin_cpu_supports("avx512f") || !__builtin_cpu_supports("avx512bw") ||
        !__builtin_cpu_supports("avx512dq") || !__builtin_cpu_supports("avx512vl"))
        return CK_ISA_AVX2;
    return __builtin_cpu_supports("avx512bf16") ? CK_ISA_AVX512_BF16 : CK_ISA_AVX512;
#else
    return CK_ISA_BASELINE;
#endif
}

ck_isa ck_isa_current(void) {
    int level = atomic_load_explicit(&current, memory_order_relaxed);
    return level >= 0 ? (ck_isa)level : ck_set_isa(CK_ISA_AVX512_BF16);
}

ck_isa ck_set_isa(ck_isa level) {
    ck_isa best = ck_isa_best();
    if (level > best)
        level = best;
    atomic_store_explicit(&current, (int)level, memory_order_relaxed);
    return level;
}

const char *ck_isa_name(ck_isa level) {
    static const char *const names[] = {"baseline", "avx2", "avx512", "avx512-bf16"};
    return names[level];
}

const struct ck_kernels *ck_kernels(void) {
#if defined(__x86_64__)
    static const struct ck_kernels *const levels[] = {&ck_kernels_baseline, &ck_kernels_avx2, &ck_kernels_avx512,
                                                      &ck_kernels_avx512_bf16};
    return levels[ck_isa_current()];
#else
    return &ck_kernels_baseline;
#endif
}
