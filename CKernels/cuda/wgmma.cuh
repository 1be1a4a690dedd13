// The products of a warpgroup on sm_90a (PTX ISA, "wgmma.mma_async"), after device_sm90.cuh: only the widths that the
// kernels use, each with its list of registers.

#define TEN(t) "%" #t "0, %" #t "1, %" #t "2, %" #t "3, %" #t "4, %" #t "5, %" #t "6, %" #t "7, %" #t "8, %" #t "9, "
#define TO_30 TEN() TEN(1) TEN(2)
#define TO_60 TO_30 TEN(3) TEN(4) TEN(5)
#define NAMES_32 TO_30 "%30, %31"
#define NAMES_48 TO_30 TEN(3) "%40, %41, %42, %43, %44, %45, %46, %47"
#define NAMES_64 TO_60 "%60, %61, %62, %63"
#define NAMES_88 TO_60 TEN(6) TEN(7) "%80, %81, %82, %83, %84, %85, %86, %87"
#define NAMES_96 TO_60 TEN(6) TEN(7) TEN(8) "%90, %91, %92, %93, %94, %95"
#define NAMES_128 TO_60 TEN(6) TEN(7) TEN(8) TEN(9) TEN(10) TEN(11) "%120, %121, %122, %123, %124, %125, %126, %127"

#define SUMS_4(mode, i) mode(d[i]), mode(d[i + 1]), mode(d[i + 2]), mode(d[i + 3])
#define SUMS_8(mode, i) SUMS_4(mode, i), SUMS_4(mode, i + 4)
#define SUMS_16(mode, i) SUMS_8(mode, i), SUMS_8(mode, i + 8)
#define SUMS_32(mode, i) SUMS_16(mode, i), SUMS_16(mode, i + 16)
#define SUMS_48(mode, i) SUMS_32(mode, i), SUMS_16(mode, i + 32)
#define SUMS_64(mode, i) SUMS_32(mode, i), SUMS_32(mode, i + 32)
#define SUMS_88(mode, i) SUMS_64(mode, i), SUMS_16(mode, i + 64), SUMS_8(mode, i + 80)
#define SUMS_96(mode, i) SUMS_64(mode, i), SUMS_32(mode, i + 64)
#define SUMS_128(mode, i) SUMS_64(mode, i), SUMS_64(mode, i + 64)

/// One product of width n; s to s5 are the numbers of the operands after the sums, s of which there are.
#define PRODUCT(n, s, accumulate, mode, a, transpose, ...)                                                             \
    asm volatile("{ .reg .pred p; setp.ne.b32 p, " #accumulate ", 0; wgmma.mma_async.sync.aligned.m64n" #n             \
                 "k16.f32.bf16.bf16 {" NAMES_##s "}, " a ", p, 1, 1, " transpose "; }"                                 \
                 : SUMS_##s(mode, 0)                                                                                   \
                 : __VA_ARGS__)
#define A_SHARED(n, s, s1, s2, s3, s4, s5, accumulate, mode)                                                           \
    PRODUCT(n, s, accumulate, mode, "%" #s ", %" #s1, "0, %" #s2, "l"(a), "l"(b), "n"(TRANSPOSE_B))
#define A_REGISTERS(n, s, s1, s2, s3, s4, s5, accumulate, mode)                                                        \
    PRODUCT(n, s, accumulate, mode, "{%" #s ", %" #s1 ", %" #s2 ", %" #s3 "}, %" #s4, "%" #s5, "r"(a[0]), "r"(a[1]),   \
            "r"(a[2]), "r"(a[3]), "l"(b), "n"(TRANSPOSE_B))
/// Where the sums start at zero they are written only: the compiler then knows that no earlier value goes in.
#define START_OR_ADD(from, ...)                                                                                        \
    if constexpr (ACCUMULATE)                                                                                          \
        from(__VA_ARGS__, 1, "+f");                                                                                    \
    else                                                                                                               \
        from(__VA_ARGS__, 0, "=f")
#define EACH_WIDTH(from)                                                                                               \
    if constexpr (N == 64) {                                                                                           \
        START_OR_ADD(from, 64, 32, 33, 34, 35, 36, 37);                                                                \
    } else if constexpr (N == 96) {                                                                                    \
        START_OR_ADD(from, 96, 48, 49, 50, 51, 52, 53);                                                                \
    } else if constexpr (N == 128) {                                                                                   \
        START_OR_ADD(from, 128, 64, 65, 66, 67, 68, 69);                                                               \
    } else if constexpr (N == 176) {                                                                                   \
        START_OR_ADD(from, 176, 88, 89, 90, 91, 92, 93);                                                               \
    } else if constexpr (N == 192) {                                                                                   \
        START_OR_ADD(from, 192, 96, 97, 98, 99, 100, 101);                                                             \
    } else {                                                                                                           \
        static_assert(N == 256, "a width that no kernel uses");                                                        \
        START_OR_ADD(from, 256, 128, 129, 130, 131, 132, 133);                                                         \
    }

/// Issues d [64, N] = a [64, 16] · b [16, N], bf16 with f32 sums, or d += where ACCUMULATE; both matrices by their
/// descriptors, b contiguous along N where TRANSPOSE_B, along the summed dimension otherwise. Element (8 j + 2 (lane %
/// 4) + i % 2) of row (16 warp + lane / 4 + 8 (i / 2)) is d[4 j + i].
template <int N, int TRANSPOSE_B, int ACCUMULATE> INLINE void warpgroup_multiply(float (&d)[N / 2], u64 a, u64 b) {
    EACH_WIDTH(A_SHARED)
}
/// The same with a from registers, laid out as for multiply_add in each warp's 16 rows.
template <int N, int TRANSPOSE_B, int ACCUMULATE>
INLINE void warpgroup_multiply(float (&d)[N / 2], const u32 (&a)[4], u64 b) {
    EACH_WIDTH(A_REGISTERS)
}
