// The places where words stand, and the functions behind the words that need more than a line.
#pragma once

#include "../../CKernels/include/ck_cuda_arguments.h"

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

namespace emulation {

/// Where in a kernel a word is called.
struct Place {
    const char *file;
    int line;

    static constexpr Place current(const char *file = __builtin_FILE(), int line = __builtin_LINE()) {
        return {file, line};
    }
};

/// What a thread can ask about itself without meeting others.
struct Identity {
    int thread, threads;
    int block[3], grid[3];
};
const Identity &identity();

// ---- Numbers

inline float float_of_bf16(u16 bits) { return __builtin_bit_cast(float, (u32)bits << 16); }
/// Rounded to nearest even; NaN becomes the GPU's one NaN.
inline u16 bf16_of_float(float x) {
    u32 bits = __builtin_bit_cast(u32, x);
    return x != x ? (u16)0x7fff : (u16)((bits + 0x7fffu + (bits >> 16 & 1u)) >> 16);
}
u16 half_of_float(float x);
float float_of_half(u16 bits);

// ---- Threads that meet

void block_barrier(Place place);
void warp_barrier(Place place);
u32 shuffle_xor(u32 x, int mask, Place place);
u32 shuffle_from(u32 x, int lane, Place place);
bool warp_any(bool x, Place place);

// ---- Shared memory

u32 shared_base();
/// Of 4, 8 or 16 bytes.
template <u32 bytes> void shared_read(void *to, u32 address, const char *word, Place place);
template <u32 bytes> void shared_write(u32 address, const void *from, const char *word, Place place);
void copy_async(u32 shared, const void *global, bool valid, Place place);
void copy_async_commit(Place place);
void copy_async_wait(int groups, Place place);

// ---- Tensor cores

void load_matrices(u32 *r, u32 address, bool transposed, Place place);
void multiply_add(float *d, const u32 *a, u32 b0, u32 b1, Place place);

// ---- Kernels

/// Makes a kernel known to emulation_find.
struct Registration {
    Registration(const char *name, u64 bytes, u64 alignment, int threads, int blocks, void (*run)(const void *),
                 bool is_for_this_processor);
};

} // namespace emulation
