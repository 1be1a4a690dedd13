// Speed of the CPU kernels beside the ceiling of the machine. Times are CPU seconds (best of some), so that other work
// on the machine counts little; "wall" is the best wall time.
//
//     clang -O2 -ICKernels/include bench/kernels/kernels.c CKernels/cpu/*.c -lm -lpthread -o /tmp/kernels
//     /tmp/kernels [threads] [isa: 0 baseline, 1 AVX2, 2 AVX-512, 3 AVX-512-BF16]
#include "ckernels.h"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

static int threads;
static ck_pool *pool;

static double seconds(clockid_t clock) {
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/// Runs `body` until the best time is likely found, prints its rate and returns that of one core; work in 10⁹
/// operations or bytes.
static double measure(const char *name, const char *unit, double work, void (*body)(void *), void *context) {
    double cpu = INFINITY, wall = INFINITY, start = seconds(CLOCK_MONOTONIC);
    for (int run = 0; run < 3 || (run < 50 && seconds(CLOCK_MONOTONIC) - start < 2); run++) {
        double c = seconds(CLOCK_PROCESS_CPUTIME_ID), w = seconds(CLOCK_MONOTONIC);
        body(context);
        cpu = fmin(cpu, seconds(CLOCK_PROCESS_CPUTIME_ID) - c);
        wall = fmin(wall, seconds(CLOCK_MONOTONIC) - w);
    }
    printf("%-44s %8.1f %s a core  %8.1f wall  %9.3f ms\n", name, work / cpu, unit, work / wall, wall * 1e3);
    return work / cpu;
}

/// Random numbers in memory of their own: pages that were never written are all one page.
static void *noise(size_t count, ck_dtype dtype) {
    float *numbers = malloc(count * 4);
    for (size_t i = 0; i < count; i++)
        numbers[i] = (float)rand() / (float)RAND_MAX * 4 - 2;
    if (dtype == CK_DTYPE_F32)
        return numbers;
    uint16_t *halves = malloc(count * 2);
    for (size_t i = 0; i < count; i++)
        memcpy(&halves[i], (const char *)&numbers[i] + 2, 2); // a bf16 is the upper half of a float
    free(numbers);
    return halves;
}

#if defined(__x86_64__)
enum { chains = 24, rounds = 20000000 / chains };

__attribute__((target("avx2,fma"))) static void peak_avx2(void *context) {
    enum { chains = 12 };
    __m256 sum[chains], x = _mm256_set1_ps(1), y = _mm256_set1_ps(*(float *)context);
    for (int i = 0; i < chains; i++)
        sum[i] = y;
    for (int round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++)
            sum[i] = _mm256_fmadd_ps(sum[i], x, y);
    }
    for (int i = 1; i < chains; i++)
        sum[0] = _mm256_add_ps(sum[0], sum[i]);
    *(volatile float *)context = sum[0][0] * 0;
}

__attribute__((target("avx512f"))) static void peak_f32(void *context) {
    __m512 sum[chains], x = _mm512_set1_ps(1), y = _mm512_set1_ps(*(float *)context);
    for (int i = 0; i < chains; i++)
        sum[i] = y;
    for (int round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++)
            sum[i] = _mm512_fmadd_ps(sum[i], x, y);
    }
    for (int i = 1; i < chains; i++)
        sum[0] = _mm512_add_ps(sum[0], sum[i]);
    *(volatile float *)context = _mm512_reduce_add_ps(sum[0]) * 0;
}

__attribute__((target("avx512f,avx512bf16"))) static void peak_bf16(void *context) {
    __m512 sum[chains], start = _mm512_set1_ps(*(float *)context);
    __m512bh x = (__m512bh)_mm512_set1_ps(*(float *)context);
    for (int i = 0; i < chains; i++)
        sum[i] = start;
    for (int round = 0; round < rounds; round++) {
#pragma clang loop unroll(full)
        for (int i = 0; i < chains; i++)
            sum[i] = _mm512_dpbf16_ps(sum[i], x, x);
    }
    for (int i = 1; i < chains; i++)
        sum[0] = _mm512_add_ps(sum[0], sum[i]);
    *(volatile float *)context = _mm512_reduce_add_ps(sum[0]) * 0;
}
#endif

static void measure_peaks(void) {
#if defined(__x86_64__)
    float zero = 0;
    if (ck_pool_isa(pool) == CK_ISA_AVX2)
        measure("peak of one core, f32", "GFLOP/s", (double)rounds * 12 * 16e-9, peak_avx2, &zero);
    if (ck_pool_isa(pool) >= CK_ISA_AVX512)
        measure("peak of one core, f32", "GFLOP/s", (double)rounds * chains * 32e-9, peak_f32, &zero);
    if (ck_pool_isa(pool) >= CK_ISA_AVX512_BF16)
        measure("peak of one core, bf16", "GFLOP/s", (double)rounds * chains * 64e-9, peak_bf16, &zero);
#endif
}

static void attend(void *context) {
    if (!ck_attention(context, pool))
        abort();
}

static double measure_attention(ptrdiff_t queries, ptrdiff_t keys, ptrdiff_t heads, ptrdiff_t head_dim,
                                ck_groups groups, ptrdiff_t extent, ck_dtype dtype) {
    size_t count = (size_t)((queries > keys ? queries : keys) * heads * head_dim);
    void *x = noise(count, dtype), *out = noise(count, dtype);
    ck_attention_call call = {.out = out,
                              .q = x,
                              .k = x,
                              .v = x,
                              .dtype = dtype,
                              .queries = queries,
                              .keys = keys,
                              .heads = heads,
                              .head_dim = head_dim,
                              .scale = 1 / sqrtf((float)head_dim),
                              .groups = groups,
                              .extent = extent};
    double seen = groups == CK_GROUPS_ALL           ? (double)keys
                  : groups == CK_GROUPS_CONSECUTIVE ? (double)extent
                                                    : (double)(keys / extent);
    char name[96];
    const char *kinds[] = {"all", "consecutive", "strided"};
    snprintf(name, sizeof name, "attention %s %td x %td, %td x %td, %s", dtype == CK_DTYPE_F32 ? "f32" : "bf16",
             queries, keys, heads, head_dim, kinds[groups]);
    double work = 4e-9 * (double)queries * seen * (double)(heads * head_dim);
    double rate = measure(name, "GFLOP/s", work, attend, &call);
    free(x);
    free(out);
    return rate;
}

/// Attention over time of `frames` frames of `positions`, beside full attention of the same work: the same heads and,
/// with √positions · frames tokens, the same operations.
static void measure_temporal(ptrdiff_t frames, ptrdiff_t positions, ptrdiff_t heads, ptrdiff_t head_dim,
                             ck_dtype dtype) {
    ptrdiff_t tokens = frames * positions, same = lround(sqrt((double)positions) * (double)frames);
    double strided = measure_attention(tokens, tokens, heads, head_dim, CK_GROUPS_STRIDED, positions, dtype);
    double full = measure_attention(same, same, heads, head_dim, CK_GROUPS_ALL, 0, dtype);
    printf("%-44s %8.2f\n", "    strided over full", strided / full);
}

/// Which blocks of keys a block of queries sees: a tenth of all to either side of it, or in each frame a tenth of it to
/// either side of its place.
static bool is_listed(ptrdiff_t queries, ptrdiff_t keys, ptrdiff_t frames, ptrdiff_t positions, bool by_place) {
    ptrdiff_t size = by_place ? positions : frames * positions, reach = size / 10;
    ptrdiff_t first = queries * CK_LIST_QUERIES - reach, end = (queries + 1) * CK_LIST_QUERIES + reach;
    ptrdiff_t key = keys * CK_LIST_KEYS, last = key + CK_LIST_KEYS;
    if (!by_place)
        return key < end && last > first;
    for (ptrdiff_t frame = -frames; frame < frames; frame++) {
        ptrdiff_t shift = frame * positions;
        if (key < end + shift && last > first + shift)
            return true;
    }
    return false;
}

/// Block-sparse attention as factorized attention asks for it.
static void measure_lists(ptrdiff_t frames, ptrdiff_t positions, ptrdiff_t heads, ptrdiff_t head_dim, bool by_place,
                          ck_dtype dtype) {
    ptrdiff_t tokens = frames * positions, tiles = (tokens + CK_LIST_QUERIES - 1) / CK_LIST_QUERIES;
    ptrdiff_t blocks = (tokens + CK_LIST_KEYS - 1) / CK_LIST_KEYS;
    size_t numbers = (size_t)(tokens * heads * head_dim);
    int32_t *start = malloc(sizeof(int32_t) * (size_t)(heads * tiles + 1));
    int32_t *index = malloc(sizeof(int32_t) * (size_t)(heads * tiles * blocks)), count = 0;
    for (ptrdiff_t list = 0; list < heads * tiles; list++) {
        start[list] = count;
        for (ptrdiff_t block = 0; block < blocks; block++) {
            if (is_listed(list % tiles, block, frames, positions, by_place))
                index[count++] = (int32_t)block;
        }
    }
    start[heads * tiles] = count;
    void *x = noise(numbers, dtype), *out = noise(numbers, dtype);
    ck_attention_call call = {.out = out,
                              .q = x,
                              .k = x,
                              .v = x,
                              .dtype = dtype,
                              .queries = tokens,
                              .keys = tokens,
                              .heads = heads,
                              .head_dim = head_dim,
                              .scale = 1 / sqrtf((float)head_dim),
                              .groups = CK_GROUPS_ALL,
                              .block_start = start,
                              .block_index = index};
    char name[96];
    snprintf(name, sizeof name, "attention %s %td, %td x %td, %s, %.2f kept", dtype == CK_DTYPE_F32 ? "f32" : "bf16",
             tokens, heads, head_dim, by_place ? "places" : "frames", (double)count / (double)(heads * tiles * blocks));
    measure(name, "GFLOP/s", 4e-9 * (double)count * CK_LIST_QUERIES * CK_LIST_KEYS * (double)head_dim, attend, &call);
    free(x);
    free(out);
    free(start);
    free(index);
}

struct product {
    void *out, *x, *w;
    ck_dtype dtype;
    ptrdiff_t m, n, k;
};

static void multiply(void *context) {
    struct product *p = context;
    if (!ck_gemm(p->out, p->dtype, p->x, p->dtype, p->w, p->dtype, NULL, CK_EPILOGUE_NONE, NULL, p->m, p->n, p->k,
                 pool))
        abort();
}

static void measure_product(ptrdiff_t m, ptrdiff_t n, ptrdiff_t k, ck_dtype dtype) {
    struct product p = {
        noise((size_t)(m * n), dtype), noise((size_t)(m * k), dtype), noise((size_t)(n * k), dtype), dtype, m, n, k};
    char name[96];
    snprintf(name, sizeof name, "product %s [%td, %td] x [%td, %td]", dtype == CK_DTYPE_F32 ? "f32" : "bf16", m, k, n,
             k);
    measure(name, "GFLOP/s", 2e-9 * (double)m * (double)n * (double)k, multiply, &p);
    free(p.out);
    free(p.x);
    free(p.w);
}

struct convolution {
    void *out, *frame, *packed;
    ck_kernel kernel;
    ptrdiff_t side;
};

static void convolve(void *context) {
    struct convolution *c = context;
    const void *frames[] = {c->frame, c->frame, c->frame};
    ck_window window = {.stride = {1, 1, 1},
                        .dilation = {1, 1, 1},
                        .above = c->kernel.extent[1] / 2,
                        .left = c->kernel.extent[2] / 2,
                        .height = c->side,
                        .width = c->side};
    if (!ck_convolution(c->out, CK_DTYPE_F32, frames, &c->kernel, c->packed, &window, NULL, false, 1, c->side, c->side,
                        pool))
        abort();
}

/// One frame of `side` x `side` pixels by a kernel of 3 x `extent` x `extent`.
static void measure_convolution(ptrdiff_t in, ptrdiff_t out, ptrdiff_t extent, ptrdiff_t side, ck_dtype dtype) {
    struct convolution c = {.kernel = {in, out, {3, extent, extent}, dtype}, .side = side};
    size_t weights = (size_t)(in * out * 3 * extent * extent);
    float *w = noise(weights, CK_DTYPE_F32);
    c.packed = malloc(ck_kernel_bytes(&c.kernel, pool));
    c.frame = noise((size_t)(side * side * in), dtype);
    c.out = noise((size_t)(side * side * out), CK_DTYPE_F32);
    if (!ck_kernel_pack(c.packed, w, CK_DTYPE_F32, &c.kernel, pool))
        abort();
    char name[96];
    snprintf(name, sizeof name, "convolution %s %td to %td, 3x%tdx%td, %tdx%td", dtype == CK_DTYPE_F32 ? "f32" : "bf16",
             in, out, extent, extent, side, side);
    measure(name, "GFLOP/s", 2e-9 * (double)weights * (double)(side * side), convolve, &c);
    free(w);
    free(c.packed);
    free(c.frame);
    free(c.out);
}

int main(int count, char **arguments) {
    threads = count > 1 ? atoi(arguments[1]) : 1;
    pool = ck_pool_create(threads, count > 2 ? (ck_isa)atoi(arguments[2]) : ck_isa_best());
    if (!pool)
        return 1;
    printf("%s, %d threads\n", ck_isa_name(ck_pool_isa(pool)), ck_pool_threads(pool));
    measure_peaks();
    for (ck_dtype dtype = CK_DTYPE_F32; dtype <= CK_DTYPE_BF16; dtype++) {
        measure_attention(4096, 4096, 12, 128, CK_GROUPS_ALL, 0, dtype);
        measure_attention(4096, 512, 12, 128, CK_GROUPS_ALL, 0, dtype);
        measure_attention(4096, 4096, 12, 128, CK_GROUPS_CONSECUTIVE, 256, dtype);
        measure_temporal(5, 36, 6, 32, dtype); // the built-in model
        measure_temporal(5, 36, 6, 64, dtype);
        measure_temporal(16, 256, 12, 128, dtype);
        measure_temporal(21, 1560, 12, 128, dtype); // 81 frames of 832x480
        measure_temporal(21, 390, 12, 64, dtype);
        measure_temporal(64, 64, 12, 128, dtype);
        measure_attention(8190, 8190, 2, 128, CK_GROUPS_ALL, 0, dtype);
        measure_lists(21, 390, 2, 128, false, dtype);
        measure_lists(21, 390, 2, 128, true, dtype);
        measure_attention(320, 320, 8, 32, CK_GROUPS_CONSECUTIVE, 64, dtype);
        measure_attention(1024, 1024, 1, 384, CK_GROUPS_ALL, 0, dtype);
        measure_attention(1024, 1024, 1, 1024, CK_GROUPS_ALL, 0, dtype);
        measure_product(4096, 1536, 1536, dtype);
        measure_product(4096, 1536, 8960, dtype);
        measure_product(320, 256, 256, dtype);
        measure_product(180, 192, 768, dtype);
        measure_convolution(384, 384, 3, 32, dtype);
        measure_convolution(384, 384, 3, 64, dtype);
        measure_convolution(384, 768, 1, 64, dtype);
        measure_convolution(192, 192, 3, 128, dtype);
        measure_convolution(96, 96, 3, 256, dtype);
        measure_convolution(96, 3, 3, 256, dtype);
    }
    ck_pool_destroy(pool);
}
