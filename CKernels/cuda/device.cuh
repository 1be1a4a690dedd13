// What the kernels are written in, for the GPU: sm_80 and up, NVRTC 11.8 and up. Tests/KernelEmulation gives the same
// words a meaning on the CPU.
//
// Shared memory is reached only through these functions, by its 32-bit address: that is what lets the emulation see
// every access.

typedef unsigned char u8;
typedef unsigned short u16;
typedef unsigned int u32;
typedef unsigned long long u64;

#define INLINE static __device__ __forceinline__
#define UNROLL _Pragma("unroll")
#define NO_UNROLL _Pragma("unroll 1")
/// A kernel of at most `threads` threads a block, of which `blocks` should fit a multiprocessor.
#define KERNEL(name, Arguments, threads, blocks)                                                                       \
    extern "C" __global__ void __launch_bounds__(threads, blocks) name(const __grid_constant__ Arguments args)

INLINE int thread_index() { return (int)threadIdx.x; }
INLINE int thread_count() { return (int)blockDim.x; }
INLINE int block_x() { return (int)blockIdx.x; }
INLINE int block_y() { return (int)blockIdx.y; }
INLINE int block_z() { return (int)blockIdx.z; }
INLINE int grid_x() { return (int)gridDim.x; }

// ---- Numbers

struct bf16 {
    u16 bits;
};
struct f16 {
    u16 bits;
};

INLINE float to_float(float x) { return x; }
INLINE float to_float(bf16 x) { return __uint_as_float((u32)x.bits << 16); }
INLINE float to_float(f16 x) {
    float y;
    asm("cvt.f32.f16 %0, %1;" : "=f"(y) : "h"(x.bits));
    return y;
}

/// Two floats, rounded to nearest even, the first in the low half.
INLINE u32 pack_bf16(float low, float high) {
    u32 pair;
    asm("cvt.rn.bf16x2.f32 %0, %1, %2;" : "=r"(pair) : "f"(high), "f"(low));
    return pair;
}
INLINE float low_bf16(u32 pair) { return __uint_as_float(pair << 16); }
INLINE float high_bf16(u32 pair) { return __uint_as_float(pair & 0xffff0000u); }

INLINE void from_float(float x, float &y) { y = x; }
INLINE void from_float(float x, bf16 &y) { y.bits = (u16)pack_bf16(x, 0.f); }
INLINE void from_float(float x, f16 &y) { asm("cvt.rn.f16.f32 %0, %1;" : "=h"(y.bits) : "f"(x)); }

/// Neighbours that are loaded and stored as one; aligned as a whole, at most 16 bytes.
template <typename T, int N> struct alignas(sizeof(T) * N) Vector { T v[N]; };

/// 2^x, relative error about 2^-22.
INLINE float exp2_approx(float x) {
    float y;
    asm("ex2.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
/// 1 / x, relative error about 2^-23.
INLINE float reciprocal_approx(float x) {
    float y;
    asm("rcp.approx.ftz.f32 %0, %1;" : "=f"(y) : "f"(x));
    return y;
}
/// Rounded by themselves, never fused into one.
INLINE float exact_product(float x, float y) { return __fmul_rn(x, y); }
INLINE float exact_sum(float x, float y) { return __fadd_rn(x, y); }
INLINE float float_of_bits(u32 bits) { return __uint_as_float(bits); }
INLINE u32 bits_of_float(float x) { return __float_as_uint(x); }

// ---- Threads that meet

INLINE void block_barrier() { __syncthreads(); }
/// Between a lane's write to shared memory and another lane's read of it, in one warp.
INLINE void warp_barrier() { __syncwarp(); }
/// The value of the lane whose number differs in the bits of `mask`; all lanes of the warp take part.
INLINE float shuffle_xor(float x, int mask) { return __shfl_xor_sync(0xffffffffu, x, mask); }
/// The value of lane `lane`; all lanes of the warp take part.
INLINE u32 shuffle_from(u32 x, int lane) { return __shfl_sync(0xffffffffu, x, lane); }
/// Whether x holds in any lane of the warp; all lanes take part.
INLINE bool warp_any(bool x) { return __any_sync(0xffffffffu, x); }

// ---- Shared memory

/// The address of the block's dynamic shared memory, rounded up to 1024; ask for 1024 bytes more than are used.
INLINE u32 shared_base() {
    extern __shared__ unsigned char shared_memory[];
    return ((u32)__cvta_generic_to_shared(shared_memory) + 1023u) & ~1023u;
}
INLINE float shared_load(u32 address) {
    float x;
    asm volatile("ld.shared.f32 %0, [%1];" : "=f"(x) : "r"(address) : "memory");
    return x;
}
INLINE void shared_store(u32 address, float x) {
    asm volatile("st.shared.f32 [%0], %1;" ::"r"(address), "f"(x) : "memory");
}
INLINE void shared_store_2(u32 address, Vector<float, 2> x) {
    asm volatile("st.shared.v2.f32 [%0], {%1, %2};" ::"r"(address), "f"(x.v[0]), "f"(x.v[1]) : "memory");
}
INLINE Vector<float, 4> shared_load_4(u32 address) {
    Vector<float, 4> x;
    asm volatile("ld.shared.v4.f32 {%0, %1, %2, %3}, [%4];"
                 : "=f"(x.v[0]), "=f"(x.v[1]), "=f"(x.v[2]), "=f"(x.v[3])
                 : "r"(address)
                 : "memory");
    return x;
}
INLINE void shared_store_4(u32 address, Vector<float, 4> x) {
    asm volatile("st.shared.v4.f32 [%0], {%1, %2, %3, %4};" ::"r"(address), "f"(x.v[0]), "f"(x.v[1]), "f"(x.v[2]),
                 "f"(x.v[3])
                 : "memory");
}

/// Starts copying 16 bytes to shared memory, or writes zeros where not `valid`; both addresses are aligned to 16.
INLINE void copy_async(u32 shared, const void *global, bool valid) {
    int bytes = valid ? 16 : 0;
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16, %2;" ::"r"(shared), "l"(global), "r"(bytes) : "memory");
}
/// Closes this thread's group of copies.
INLINE void copy_async_commit() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits until at most N of this thread's groups are under way; others see the data only after a barrier.
template <int N> INLINE void copy_async_wait() { asm volatile("cp.async.wait_group %0;" ::"n"(N) : "memory"); }

// ---- Tensor cores

/// Four 8 × 8 matrices of 16-bit elements; lane l gives the address of row l % 8 of matrix l / 8 (ldmatrix.x4).
INLINE void load_matrices(u32 (&r)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}
/// The same, each matrix transposed.
INLINE void load_matrices_transposed(u32 (&r)[4], u32 address) {
    asm volatile("ldmatrix.sync.aligned.m8n8.x4.trans.shared.b16 {%0, %1, %2, %3}, [%4];"
                 : "=r"(r[0]), "=r"(r[1]), "=r"(r[2]), "=r"(r[3])
                 : "r"(address)
                 : "memory");
}
/// d [16, 8] += a [16, 16] · b [16, 8], bf16 with f32 sums (mma.sync.m16n8k16).
INLINE void multiply_add(float (&d)[4], const u32 (&a)[4], u32 b0, u32 b1) {
    asm volatile("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+f"(d[0]), "+f"(d[1]), "+f"(d[2]), "+f"(d[3])
                 : "r"(a[0]), "r"(a[1]), "r"(a[2]), "r"(a[3]), "r"(b0), "r"(b1));
}
