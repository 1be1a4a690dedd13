// The words of CKernels/cuda/device_sm90.cuh and wgmma.cuh with their meaning on the CPU.
#pragma once

#include "emulated_device.h"
#include "words_sm90.h"

template <typename Arguments> struct alignas(64) Aligned : Arguments {
    static_assert(sizeof(Arguments) % 64 == 0, "the host passes exactly these bytes");
};

// ---- Barriers in shared memory

INLINE void barrier_init(u32 barrier, u32 arrivals, EMULATED_PLACE) {
    emulation::barrier_init(barrier, arrivals, place);
}
INLINE void barrier_init_fence(EMULATED_PLACE) { emulation::barrier_init_fence(place); }
INLINE void barrier_arrive(u32 barrier, EMULATED_PLACE) { emulation::barrier_arrive(barrier, place); }
INLINE void barrier_arrive_expect(u32 barrier, u32 bytes, EMULATED_PLACE) {
    emulation::barrier_arrive_expect(barrier, bytes, place);
}
INLINE bool barrier_try(u32 barrier, u32 parity, EMULATED_PLACE) {
    return emulation::barrier_try(barrier, parity, place);
}
INLINE void barrier_wait(u32 barrier, u32 parity, EMULATED_PLACE) { emulation::barrier_wait(barrier, parity, place); }
INLINE void named_barrier_sync(int id, int threads, EMULATED_PLACE) {
    emulation::named_barrier_sync(id, threads, place);
}
INLINE void named_barrier_arrive(int id, int threads, EMULATED_PLACE) {
    emulation::named_barrier_arrive(id, threads, place);
}

// ---- Bulk tensor copies

INLINE void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier, int x, int y, EMULATED_PLACE) {
    int at[] = {x, y};
    emulation::tensor_load(shared, map, barrier, at, 2, place);
}
INLINE void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier, int x, int y, int z, EMULATED_PLACE) {
    int at[] = {x, y, z};
    emulation::tensor_load(shared, map, barrier, at, 3, place);
}
INLINE void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier, int x, int y, int z, int w, EMULATED_PLACE) {
    int at[] = {x, y, z, w};
    emulation::tensor_load(shared, map, barrier, at, 4, place);
}
INLINE void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier, int x, int y, int z, int w, int v,
                        EMULATED_PLACE) {
    int at[] = {x, y, z, w, v};
    emulation::tensor_load(shared, map, barrier, at, 5, place);
}
INLINE void tensor_store(const ck_tensor_map *map, u32 shared, int x, int y, EMULATED_PLACE) {
    int at[] = {x, y};
    emulation::tensor_store("tensor_store", map, shared, at, 2, place);
}
INLINE void tensor_store(const ck_tensor_map *map, u32 shared, int x, int y, int z, EMULATED_PLACE) {
    int at[] = {x, y, z};
    emulation::tensor_store("tensor_store", map, shared, at, 3, place);
}
INLINE void tensor_store(const ck_tensor_map *map, u32 shared, int x, int y, int z, int w, EMULATED_PLACE) {
    int at[] = {x, y, z, w};
    emulation::tensor_store("tensor_store", map, shared, at, 4, place);
}
INLINE void tensor_add(const ck_tensor_map *map, u32 shared, int x, int y, EMULATED_PLACE) {
    int at[] = {x, y};
    emulation::tensor_store("tensor_add", map, shared, at, 2, place);
}
INLINE void tensor_add(const ck_tensor_map *map, u32 shared, int x, int y, int z, int w, EMULATED_PLACE) {
    int at[] = {x, y, z, w};
    emulation::tensor_store("tensor_add", map, shared, at, 4, place);
}
INLINE void tensor_prefetch(const ck_tensor_map *map, int, int, EMULATED_PLACE) {
    emulation::tensor_prefetch(map, 2, place);
}
INLINE void tensor_prefetch(const ck_tensor_map *map, int, int, int, int, EMULATED_PLACE) {
    emulation::tensor_prefetch(map, 4, place);
}
INLINE void tensor_store_commit(EMULATED_PLACE) { emulation::tensor_store_commit(place); }
template <int N = 0> INLINE void tensor_store_wait_read(EMULATED_PLACE) {
    emulation::tensor_store_wait("tensor_store_wait_read", N, place);
}
INLINE void tensor_store_wait(EMULATED_PLACE) { emulation::tensor_store_wait("tensor_store_wait", 0, place); }
INLINE void proxy_fence(EMULATED_PLACE) { emulation::proxy_fence(place); }

// ---- Warpgroups

template <int N> INLINE void registers_increase(EMULATED_PLACE) { emulation::registers_change(N, true, place); }
template <int N> INLINE void registers_decrease(EMULATED_PLACE) { emulation::registers_change(N, false, place); }

INLINE void warpgroup_fence(EMULATED_PLACE) { emulation::warpgroup_fence(place); }
INLINE void warpgroup_commit(EMULATED_PLACE) { emulation::warpgroup_commit(place); }
template <int N> INLINE void warpgroup_wait(EMULATED_PLACE) { emulation::warpgroup_wait(N, place); }
template <int N> INLINE void keep(float (&d)[N]) { asm volatile("" ::"r"(d) : "memory"); }
template <int N> INLINE void keep(u32 (&d)[N]) { asm volatile("" ::"r"(d) : "memory"); }

INLINE u64 descriptor_k_major(u32 address) {
    return (u64)((address & 0x3ffff) >> 4) | (u64)1 << 16 | (u64)64 << 32 | (u64)1 << 62;
}
INLINE u64 descriptor_k_major_32(u32 address) {
    return (u64)((address & 0x3ffff) >> 4) | (u64)1 << 16 | (u64)32 << 32 | (u64)2 << 62;
}
INLINE u64 descriptor_mn_major(u32 address, u32 half) {
    return (u64)((address & 0x3ffff) >> 4) | (u64)(half >> 4) << 16 | (u64)64 << 32 | (u64)1 << 62;
}

template <int N, int TRANSPOSE_B, int ACCUMULATE>
INLINE void warpgroup_multiply(float (&d)[N / 2], u64 a, u64 b, EMULATED_PLACE) {
    emulation::warpgroup_multiply(d, N, nullptr, a, b, TRANSPOSE_B, ACCUMULATE, place);
}
template <int N, int TRANSPOSE_B, int ACCUMULATE>
INLINE void warpgroup_multiply(float (&d)[N / 2], const u32 (&a)[4], u64 b, EMULATED_PLACE) {
    emulation::warpgroup_multiply(d, N, a, 0, b, TRANSPOSE_B, ACCUMULATE, place);
}

INLINE void store_matrices(u32 address, u32 r0, u32 r1, u32 r2, u32 r3, EMULATED_PLACE) {
    u32 r[4] = {r0, r1, r2, r3};
    emulation::store_matrices(address, r, place);
}
