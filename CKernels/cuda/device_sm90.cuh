// Further words for sm_90a (NVRTC 12.0 and up), after device.cuh: bulk tensor copies, barriers in shared memory,
// warpgroup products.

/// Arguments that begin with tensor maps, which the copy engine wants aligned.
template <typename Arguments> struct alignas(64) Aligned : Arguments {
    static_assert(sizeof(Arguments) % 64 == 0, "the host passes exactly these bytes");
};

// ---- Barriers in shared memory (mbarrier): a phase ends when all arrivals and all announced bytes are there

INLINE void barrier_init(u32 barrier, u32 arrivals) {
    asm volatile("mbarrier.init.shared::cta.b64 [%0], %1;" ::"r"(barrier), "r"(arrivals) : "memory");
}
/// After barrier_init, before the block's barrier: the copy engine may use them from there on.
INLINE void barrier_init_fence() { asm volatile("fence.mbarrier_init.release.cluster;" ::: "memory"); }
INLINE void barrier_arrive(u32 barrier) {
    asm volatile("mbarrier.arrive.shared::cta.b64 _, [%0];" ::"r"(barrier) : "memory");
}
/// Arrives and announces bytes that copies will bring.
INLINE void barrier_arrive_expect(u32 barrier, u32 bytes) {
    asm volatile("mbarrier.arrive.expect_tx.shared::cta.b64 _, [%0], %1;" ::"r"(barrier), "r"(bytes) : "memory");
}
INLINE bool barrier_try(u32 barrier, u32 parity) {
    u32 done;
    asm volatile("{ .reg .pred p; mbarrier.try_wait.parity.shared::cta.b64 p, [%1], %2; selp.u32 %0, 1, 0, p; }"
                 : "=r"(done)
                 : "r"(barrier), "r"(parity)
                 : "memory");
    return done != 0;
}
/// Waits for the end of the phase of this parity; the first phase has parity 0.
INLINE void barrier_wait(u32 barrier, u32 parity) {
    while (!barrier_try(barrier, parity)) {
    }
}
/// Barriers by number, 1 to 15, for a part of the block; `threads` counts those that sync and those that arrive.
INLINE void named_barrier_sync(int id, int threads) {
    asm volatile("bar.sync %0, %1;" ::"r"(id), "r"(threads) : "memory");
}
INLINE void named_barrier_arrive(int id, int threads) {
    asm volatile("bar.arrive %0, %1;" ::"r"(id), "r"(threads) : "memory");
}

// ---- Bulk tensor copies: one thread starts a box; elements outside the tensor arrive as zeros and are not stored

INLINE void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier, int x, int y) {
    asm volatile("cp.async.bulk.tensor.2d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4}], "
                 "[%2];" ::"r"(shared),
                 "l"(map), "r"(barrier), "r"(x), "r"(y)
                 : "memory");
}
INLINE void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier, int x, int y, int z) {
    asm volatile("cp.async.bulk.tensor.3d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, "
                 "%5}], [%2];" ::"r"(shared),
                 "l"(map), "r"(barrier), "r"(x), "r"(y), "r"(z)
                 : "memory");
}
INLINE void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier, int x, int y, int z, int w) {
    asm volatile("cp.async.bulk.tensor.4d.shared::cluster.global.mbarrier::complete_tx::bytes [%0], [%1, {%3, %4, "
                 "%5, %6}], [%2];" ::"r"(shared),
                 "l"(map), "r"(barrier), "r"(x), "r"(y), "r"(z), "r"(w)
                 : "memory");
}
INLINE void tensor_store(const ck_tensor_map *map, u32 shared, int x, int y) {
    asm volatile("cp.async.bulk.tensor.2d.global.shared::cta.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map), "r"(shared),
                 "r"(x), "r"(y)
                 : "memory");
}
INLINE void tensor_store(const ck_tensor_map *map, u32 shared, int x, int y, int z, int w) {
    asm volatile("cp.async.bulk.tensor.4d.global.shared::cta.bulk_group [%0, {%2, %3, %4, %5}], [%1];" ::"l"(map),
                 "r"(shared), "r"(x), "r"(y), "r"(z), "r"(w)
                 : "memory");
}
/// Adds to what is there, f32 or bf16 as the map says.
INLINE void tensor_add(const ck_tensor_map *map, u32 shared, int x, int y) {
    asm volatile(
        "cp.reduce.async.bulk.tensor.2d.global.shared::cta.add.tile.bulk_group [%0, {%2, %3}], [%1];" ::"l"(map),
        "r"(shared), "r"(x), "r"(y)
        : "memory");
}
INLINE void tensor_add(const ck_tensor_map *map, u32 shared, int x, int y, int z, int w) {
    asm volatile("cp.reduce.async.bulk.tensor.4d.global.shared::cta.add.tile.bulk_group [%0, {%2, %3, %4, %5}], "
                 "[%1];" ::"l"(map),
                 "r"(shared), "r"(x), "r"(y), "r"(z), "r"(w)
                 : "memory");
}
/// Brings a box into L2.
INLINE void tensor_prefetch(const ck_tensor_map *map, int x, int y) {
    asm volatile("cp.async.bulk.prefetch.tensor.2d.L2.global.tile [%0, {%1, %2}];" ::"l"(map), "r"(x), "r"(y)
                 : "memory");
}
INLINE void tensor_prefetch(const ck_tensor_map *map, int x, int y, int z, int w) {
    asm volatile("cp.async.bulk.prefetch.tensor.4d.L2.global.tile [%0, {%1, %2, %3, %4}];" ::"l"(map), "r"(x), "r"(y),
                 "r"(z), "r"(w)
                 : "memory");
}
INLINE void tensor_store_commit() { asm volatile("cp.async.bulk.commit_group;" ::: "memory"); }
/// Waits until all but N of this thread's groups of stores have read shared memory.
template <int N = 0> INLINE void tensor_store_wait_read() {
    asm volatile("cp.async.bulk.wait_group.read %0;" ::"n"(N) : "memory");
}
/// Waits until this thread's stores are done.
INLINE void tensor_store_wait() { asm volatile("cp.async.bulk.wait_group 0;" ::: "memory"); }
/// By every thread that wrote shared memory which the copy engine or a warpgroup product reads next, before the barrier
/// between them.
INLINE void proxy_fence() { asm volatile("fence.proxy.async.shared::cta;" ::: "memory"); }

// ---- Warpgroups: four warps that start at a multiple of four

template <int N> INLINE void registers_increase() { asm volatile("setmaxnreg.inc.sync.aligned.u32 %0;" ::"n"(N)); }
template <int N> INLINE void registers_decrease() { asm volatile("setmaxnreg.dec.sync.aligned.u32 %0;" ::"n"(N)); }

/// Before the first product after registers or shared memory were written.
INLINE void warpgroup_fence() { asm volatile("wgmma.fence.sync.aligned;" ::: "memory"); }
INLINE void warpgroup_commit() { asm volatile("wgmma.commit_group.sync.aligned;" ::: "memory"); }
/// Waits until at most N groups of products are under way.
template <int N> INLINE void warpgroup_wait() { asm volatile("wgmma.wait_group.sync.aligned %0;" ::"n"(N) : "memory"); }
/// Keeps the compiler from moving accesses to these registers across this place.
template <int N> INLINE void keep(float (&d)[N]) {
    UNROLL for (int i = 0; i < N; i++) asm volatile("" : "+f"(d[i])::"memory");
}
template <int N> INLINE void keep(u32 (&d)[N]) {
    UNROLL for (int i = 0; i < N; i++) asm volatile("" : "+r"(d[i])::"memory");
}

/// A matrix in shared memory with 64 columns of 16 bits (128 bytes, swizzled), contiguous along the summed dimension;
/// eight rows are 1024 bytes apart. 16 columns further is + 2.
INLINE u64 descriptor_k_major(u32 address) {
    return (u64)((address & 0x3ffff) >> 4) | (u64)1 << 16 | (u64)64 << 32 | (u64)1 << 62;
}
/// The same with 32 columns (64 bytes, swizzled); eight rows are 512 bytes apart.
INLINE u64 descriptor_k_major_32(u32 address) {
    return (u64)((address & 0x3ffff) >> 4) | (u64)1 << 16 | (u64)32 << 32 | (u64)2 << 62;
}
/// The same with 64 columns, contiguous along the other dimension; `half` is the distance in bytes of the next 64
/// columns. 16 rows further is + 128.
INLINE u64 descriptor_mn_major(u32 address, u32 half) {
    return (u64)((address & 0x3ffff) >> 4) | (u64)(half >> 4) << 16 | (u64)64 << 32 | (u64)1 << 62;
}

/// Four 8 × 8 matrices of 16-bit elements to shared memory, addresses as for load_matrices (stmatrix.x4).
INLINE void store_matrices(u32 address, u32 r0, u32 r1, u32 r2, u32 r3) {
    asm volatile("stmatrix.sync.aligned.m8n8.x4.shared.b16 [%0], {%1, %2, %3, %4};" ::"r"(address), "r"(r0), "r"(r1),
                 "r"(r2), "r"(r3)
                 : "memory");
}
