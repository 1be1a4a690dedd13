#include "include/emulation_probes.h"
#include "emulated_device_sm90.h"

namespace {

// ---- Right kernels

KERNEL(emulation_probe_sum, emulation_probe_arguments, 128, 1) {
    const u32 sums = shared_base();
    const int thread = thread_index();
    float sum = ((const float *)args.x)[block_x() * thread_count() + thread];
    for (int mask = 16; mask; mask /= 2)
        sum += shuffle_xor(sum, mask);
    if (thread % 32 == 0)
        shared_store(sums + (u32)(thread / 32 * 4), sum);
    block_barrier();
    float total = 0;
    for (u32 warp = 0; warp < 4; warp++)
        total += shared_load(sums + warp * 4);
    block_barrier();
    if (thread % 32 == 0) // once more, over the same memory
        shared_store(sums + (u32)(thread / 32 * 4), total);
    warp_barrier();
    total = shared_load(sums + (u32)(thread / 32 * 4));
    if (thread == 0)
        ((float *)args.out)[block_x()] = total;
}

/// 32 columns, a stage ahead; a row has 64 bytes, whose pieces are exchanged so that no two rows of a matrix clash.
INLINE u32 probe_piece(u32 stage, int row, int piece) {
    return stage + (u32)(row * 64 + ((piece ^ (row / 2 % 4)) * 16));
}

KERNEL(emulation_probe_product, emulation_probe_arguments, 64, 1) {
    const u32 base = shared_base(), stage_bytes = 40 * 64;
    const int warp = thread_index() / 32, lane = thread_index() % 32, steps = args.count / 32;
    float d[4] = {0, 0, 0, 0};
    for (int step = -1; step < steps; step++) {
        if (step + 1 < steps)
            for (int i = thread_index(); i < 160; i += 64) {
                const int row = i / 4, piece = i % 4;
                const bf16 *from = row < 32 ? (const bf16 *)args.x + row * args.count
                                            : (const bf16 *)args.y + (row - 32) * args.count;
                copy_async(probe_piece(base + (u32)((step + 1) % 2) * stage_bytes, row, piece),
                           from + (step + 1) * 32 + piece * 8, true);
            }
        copy_async_commit();
        if (step < 0)
            continue;
        copy_async_wait<1>();
        block_barrier();
        const u32 stage = base + (u32)(step % 2) * stage_bytes;
        u32 b[4];
        load_matrices(b, probe_piece(stage, 32 + lane % 8, lane / 8));
        for (int k = 0; k < 2; k++) {
            u32 a[4];
            load_matrices(a, probe_piece(stage, warp * 16 + lane % 16, k * 2 + lane / 16));
            multiply_add(d, a, b[k * 2], b[k * 2 + 1]);
        }
        block_barrier();
    }
    float *out = (float *)args.out + (warp * 16 + lane / 4) * 8 + lane % 4 * 2;
    out[0] = d[0];
    out[1] = d[1];
    out[64] = d[2];
    out[65] = d[3];
}

/// A warpgroup that copies and one that computes, with two stages between them.
KERNEL(emulation_probe_warpgroup, Aligned<emulation_probe_warpgroup_arguments>, 256, 2) {
    const u32 base = shared_base(), panel = 8192, out = base + 4 * panel;
    const u32 full = out + panel, empty = full + 16;
    const int thread = thread_index() % 128, steps = args.count / 64;
    if (thread_index() == 0) {
        for (u32 i = 0; i < 2; i++) {
            barrier_init(full + 8 * i, 1);
            barrier_init(empty + 8 * i, 1);
        }
        barrier_init_fence();
    }
    block_barrier();
    if (thread_index() < 128) {
        registers_decrease<40>();
        for (int step = 0; step < steps && thread == 0; step++) {
            const u32 stage = base + (u32)(step % 2) * 2 * panel, number = (u32)(step % 2) * 8;
            barrier_wait(empty + number, (u32)(step / 2 % 2) ^ 1);
            barrier_arrive_expect(full + number, 2 * panel);
            tensor_load(stage, &args.a, full + number, step * 64, 0);
            if (args.transposed)
                tensor_load(stage + panel, &args.b, full + number, 0, step * 64);
            else
                tensor_load(stage + panel, &args.b, full + number, step * 64, 0);
        }
        return;
    }
    registers_increase<216>();
    float d[32];
    for (int i = 0; i < 32; i++)
        d[i] = 0;
    for (int step = 0; step < steps; step++) {
        const u32 stage = base + (u32)(step % 2) * 2 * panel, number = (u32)(step % 2) * 8;
        barrier_wait(full + number, (u32)(step / 2 % 2));
        warpgroup_fence();
        for (u32 k = 0; k < 4; k++) {
            const u64 a = descriptor_k_major(stage) + 2 * k;
            if (args.transposed)
                warpgroup_multiply<64, 1, 1>(d, a, descriptor_mn_major(stage + panel, panel) + 128 * k);
            else
                warpgroup_multiply<64, 0, 1>(d, a, descriptor_k_major(stage + panel) + 2 * k);
        }
        warpgroup_commit();
        warpgroup_wait<0>();
        keep(d);
        if (thread == 0)
            barrier_arrive(empty + number);
    }
    const int row = thread / 32 * 16 + thread % 16;
    for (int i = 0; i < 4; i++)
        store_matrices(out + (u32)(row * 128 + ((i * 2 + thread / 16 % 2) ^ (row % 8)) * 16),
                       pack_bf16(d[8 * i], d[8 * i + 1]), pack_bf16(d[8 * i + 2], d[8 * i + 3]),
                       pack_bf16(d[8 * i + 4], d[8 * i + 5]), pack_bf16(d[8 * i + 6], d[8 * i + 7]));
    proxy_fence();
    named_barrier_sync(1, 128);
    if (thread == 0) {
        tensor_store(&args.out, out, 0, 0);
        tensor_store_commit();
        tensor_store_wait();
    }
}

// ---- What no kernel may do

int probe_recurse(int depth) {
    volatile char frame[1024];
    frame[0] = (char)depth;
    return depth < 0 ? 0 : probe_recurse(depth + 1) + frame[0];
}

INLINE void probe_memory(const emulation_probe_arguments &args) {
    float *out = (float *)args.out;
    const int thread = thread_index();
    switch (args.fault) {
    case EMULATION_FAULT_OVERRUN:
        out[args.count + thread] = 1;
        break;
    case EMULATION_FAULT_NULL:
        ((float *)args.y)[0] = 1;
        break;
    case EMULATION_FAULT_MISALIGNED:
        *(Vector<float, 2> *)(out + 1) = {{1, 2}};
        break;
    case EMULATION_FAULT_OVERFLOW:
        out[0] = (float)(args.count * 0x7fffffff);
        break;
    case EMULATION_FAULT_REGISTER_INDEX: {
        float few[4] = {0, 1, 2, 3};
        out[0] = few[args.count];
        break;
    }
    case EMULATION_FAULT_RECURSION:
        out[0] = (float)probe_recurse(args.count);
        break;
    case EMULATION_FAULT_SHARED_OVERRUN:
        shared_store(shared_base() + 64 * 4 + 16, 1); // up to 16 bytes more may be there, as the base is rounded
        break;
    case EMULATION_FAULT_SHARED_MISALIGNED:
        shared_store_4(shared_base() + 4, {{1, 2, 3, 4}});
        break;
    case EMULATION_FAULT_UNINITIALIZED:
        out[0] = shared_load(shared_base());
        break;
    case EMULATION_FAULT_LANE_RACE:
        shared_store(shared_base() + (u32)thread * 4, 1);
        out[thread] = shared_load(shared_base() + (u32)(thread ^ 1) * 4);
        break;
    }
}

INLINE void probe_meeting(const emulation_probe_arguments &args) {
    const int thread = thread_index();
    const ck_tensor_map map = {};
    switch (args.fault) {
    case EMULATION_FAULT_DIVERGENT_BARRIER:
        if (thread < 32)
            block_barrier();
        break;
    case EMULATION_FAULT_DIVERGENT_LANES:
        if (thread % 32 < 3)
            shuffle_xor(1.f, 1);
        else
            shuffle_xor(2.f, 1);
        break;
    case EMULATION_FAULT_EARLY_EXIT:
        if (thread % 32)
            shuffle_xor(1.f, 1);
        break;
    case EMULATION_FAULT_NAMED_BARRIER_COUNT:
        named_barrier_sync(1, thread < 32 ? 64 : 32);
        break;
    case EMULATION_FAULT_BARRIER_AT_NOTHING:
        barrier_arrive(shared_base());
        break;
    case EMULATION_FAULT_TWO_ARRIVALS:
        if (thread == 0) {
            barrier_init(shared_base(), 1);
            barrier_arrive_expect(shared_base(), 16);
            barrier_arrive(shared_base());
        }
        break;
    case EMULATION_FAULT_NO_REGISTERS:
        registers_increase<256>();
        break;
    case EMULATION_FAULT_LOCAL_MAP:
        tensor_load(shared_base(), &map, shared_base() + 8, 0, 0);
        break;
    }
}

KERNEL(emulation_probe_fault, emulation_probe_arguments, 64, 1) {
    probe_memory(args);
    probe_meeting(args);
}

} // namespace
