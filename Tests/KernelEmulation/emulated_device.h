// The words of CKernels/cuda/device.cuh with their meaning on the CPU. A module of kernels is included after this, in
// a namespace of its own.
#pragma once

#include "words.h"
#include <math.h>
#include <string.h>

#define INLINE static inline
#define UNROLL
#define NO_UNROLL
/// Whether the kernels that follow are the ones for this processor, of those that are compiled twice.
#define RUNS_HERE true
#define KERNEL(name, Arguments, threads, blocks)                                                                       \
    static void name(const Arguments &args);                                                                           \
    static const emulation::Registration name##_registration(                                                          \
        #name, sizeof(Arguments), alignof(Arguments), threads, blocks,                                                 \
        [](const void *arguments) { name(*(const Arguments *)arguments); }, RUNS_HERE);                                \
    static void name(const Arguments &args)

/// The last parameter of every word that can go wrong: the line it is called from.
#define EMULATED_PLACE emulation::Place place = emulation::Place::current()

INLINE int thread_index() { return emulation::identity().thread; }
INLINE int thread_count() { return emulation::identity().threads; }
INLINE int block_x() { return emulation::identity().block[0]; }
INLINE int block_y() { return emulation::identity().block[1]; }
INLINE int block_z() { return emulation::identity().block[2]; }
INLINE int grid_x() { return emulation::identity().grid[0]; }

// ---- Numbers

struct bf16 {
    u16 bits;
};
struct f16 {
    u16 bits;
};

INLINE float float_of_bits(u32 bits) { return __builtin_bit_cast(float, bits); }
INLINE u32 bits_of_float(float x) { return __builtin_bit_cast(u32, x); }

INLINE float to_float(float x) { return x; }
INLINE float to_float(bf16 x) { return float_of_bits((u32)x.bits << 16); }
INLINE float to_float(f16 x) { return emulation::float_of_half(x.bits); }

INLINE u32 pack_bf16(float low, float high) {
    return emulation::bf16_of_float(low) | (u32)emulation::bf16_of_float(high) << 16;
}
INLINE float low_bf16(u32 pair) { return float_of_bits(pair << 16); }
INLINE float high_bf16(u32 pair) { return float_of_bits(pair & 0xffff0000u); }

INLINE void from_float(float x, float &y) { y = x; }
INLINE void from_float(float x, bf16 &y) { y.bits = emulation::bf16_of_float(x); }
INLINE void from_float(float x, f16 &y) { y.bits = emulation::half_of_float(x); }

/// Copies that are not trivial take their argument by reference, and only there do the sanitizers look at its
/// alignment.
template <typename T, int N> struct alignas(sizeof(T) * N) Vector {
    T v[N];

    Vector() = default;
    Vector(const T (&values)[N]) { memcpy(v, values, sizeof v); }
    template <typename... Values>
    requires(sizeof...(Values) > 1) Vector(Values... values) : v{values...} {}
    Vector(const Vector &other) { memcpy(v, other.v, sizeof v); }
    Vector &operator=(const Vector &other) {
        memmove(v, other.v, sizeof v);
        return *this;
    }
};

/// As .ftz: what is too small for a normal number is zero.
INLINE float flushed(float x) { return fabsf(x) < 0x1p-126f ? copysignf(0.f, x) : x; }
INLINE float exp2_approx(float x) { return flushed(exp2f(flushed(x))); }
INLINE float reciprocal_approx(float x) { return flushed(1.f / flushed(x)); }

/// Volatile, so that no compiler joins the two.
INLINE float exact_product(float x, float y) {
    volatile float product = x * y;
    return product;
}
INLINE float exact_sum(float x, float y) { return x + y; }

// ---- Threads that meet

INLINE void block_barrier(EMULATED_PLACE) { emulation::block_barrier(place); }
INLINE void warp_barrier(EMULATED_PLACE) { emulation::warp_barrier(place); }
INLINE float shuffle_xor(float x, int mask, EMULATED_PLACE) {
    return float_of_bits(emulation::shuffle_xor(bits_of_float(x), mask, place));
}
INLINE u32 shuffle_from(u32 x, int lane, EMULATED_PLACE) { return emulation::shuffle_from(x, lane, place); }

INLINE bool warp_any(bool x, EMULATED_PLACE) { return emulation::warp_any(x, place); }

// ---- Shared memory

INLINE u32 shared_base() { return emulation::shared_base(); }
INLINE float shared_load(u32 address, EMULATED_PLACE) {
    float x;
    emulation::shared_read<sizeof x>(&x, address, "shared_load", place);
    return x;
}
INLINE void shared_store(u32 address, float x, EMULATED_PLACE) {
    emulation::shared_write<sizeof x>(address, &x, "shared_store", place);
}
INLINE Vector<float, 2> shared_load_2(u32 address, EMULATED_PLACE) {
    Vector<float, 2> x;
    emulation::shared_read<sizeof x>(&x, address, "shared_load_2", place);
    return x;
}
INLINE void shared_store_2(u32 address, Vector<float, 2> x, EMULATED_PLACE) {
    emulation::shared_write<sizeof x>(address, &x, "shared_store_2", place);
}
INLINE Vector<float, 4> shared_load_4(u32 address, EMULATED_PLACE) {
    Vector<float, 4> x;
    emulation::shared_read<sizeof x>(&x, address, "shared_load_4", place);
    return x;
}
INLINE void shared_store_4(u32 address, Vector<float, 4> x, EMULATED_PLACE) {
    emulation::shared_write<sizeof x>(address, &x, "shared_store_4", place);
}

INLINE void copy_async(u32 shared, const void *global, bool valid, EMULATED_PLACE) {
    emulation::copy_async(shared, global, valid, place);
}
INLINE void copy_async_commit(EMULATED_PLACE) { emulation::copy_async_commit(place); }
template <int N> INLINE void copy_async_wait(EMULATED_PLACE) { emulation::copy_async_wait(N, place); }

// ---- Tensor cores

INLINE void load_matrices(u32 (&r)[4], u32 address, EMULATED_PLACE) {
    emulation::load_matrices(r, address, false, place);
}
INLINE void load_matrices_transposed(u32 (&r)[4], u32 address, EMULATED_PLACE) {
    emulation::load_matrices(r, address, true, place);
}
INLINE void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1, EMULATED_PLACE) {
    emulation::multiply_add(d, a, b0, b1, place);
}
