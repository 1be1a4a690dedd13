// The copy engine (PTX manual, "cp.async.bulk.tensor"): boxes of arrays with up to five dimensions. What lies outside
// the array arrives as zeros and is not stored. Loads land after a time of their own; stores read shared memory only
// when they are waited for.

#include "asynchrony.h"
#include "words_sm90.h"

#include "../../CKernels/include/ck_cuda.h"
#include <algorithm>
#include <mutex>
#include <string.h>

namespace emulation {

namespace {

constexpr u32 longest_latency = 2000; ///< in turns of warps

/// Reports and returns false where a box cannot be copied.
bool make_box(TensorBox &box, const ck_tensor_map *map, u32 shared, const int *at, int rank, const char *word,
              Place place) {
    Lane &lane = *current;
    const Launch &launch = *current_block().worker->launch;
    lane.place = place;
    lane.warp->block->asynchrony->used = true;
    const char *arguments = (const char *)launch.arguments;
    if ((const char *)map < arguments || (const char *)map >= arguments + launch.kernel->argument_bytes ||
        (size_t)map % 64) {
        violation(word, place, "a tensor map must lie in the kernel's arguments, aligned to 64 bytes");
        return false;
    }
    const TensorMap *own = (const TensorMap *)map;
    if (own->magic != TensorMap::written) {
        violation(word, place, "the tensor map was never encoded");
        return false;
    }
    if (own->rank != rank) {
        violation(word, place, "as many coordinates as the tensor has dimensions are needed",
                  text("%d and %d", rank, own->rank));
        return false;
    }
    box = {own, shared, own->element_bytes, {0, 0, 0, 0, 0}};
    for (int i = 0; i < rank; i++) {
        box.bytes *= own->box[i];
        box.at[i] = at[i];
    }
    return check_range(lane, shared, box.bytes, own->swizzle_bits ? 128u << own->swizzle_bits : 128, word, place);
}

/// Calls use(shared address, global address, elements) for each run of elements in a row of the box; the global address
/// is NULL outside the array. Runs do not cross 16 bytes of shared memory.
template <typename Use> void each_run(const TensorBox &box, Use use) {
    const TensorMap &map = *box.map;
    const int per_piece = 16 / map.element_bytes;
    u32 row_bytes = (u32)map.box[0] * map.element_bytes, rows = box.bytes / row_bytes;
    for (u32 row = 0; row < rows; row++) {
        bool inside = true;
        u64 address = map.base;
        u32 rest = row;
        for (int i = 1; i < map.rank; i++) {
            long long at = box.at[i] + (long long)(rest % map.box[i]);
            rest /= map.box[i];
            inside = inside && at >= 0 && at < (long long)map.extents[i];
            address += (u64)at * map.strides[i - 1];
        }
        for (int first = 0; first < map.box[0]; first += per_piece) {
            int count = std::min(per_piece, map.box[0] - first);
            u32 shared = swizzled(box.shared + row * row_bytes + (u32)(first * map.element_bytes), map.swizzle_bits);
            for (int i = 0; i < count;) {
                auto is_inside = [&](int i) {
                    long long x = box.at[0] + (long long)first + i;
                    return inside && x >= 0 && x < (long long)map.extents[0];
                };
                int end = i + 1;
                while (end < count && is_inside(end) == is_inside(i))
                    end++;
                u64 global = address + (u64)((long long)(box.at[0] + first + i) * map.element_bytes);
                use(shared + (u32)(i * map.element_bytes), is_inside(i) ? (char *)global : nullptr, end - i);
                i = end;
            }
        }
    }
}

/// A bad address is to show where the copy starts, not where it lands.
void touch(const TensorBox &box) {
    each_run(box, [&](u32, const char *global, int count) {
        if (global) {
            (void)*(const volatile char *)global;
            (void)((const volatile char *)global)[count * box.map->element_bytes - 1];
        }
    });
}

SharedBarrier *find_barrier(Block &block, u32 address) {
    for (SharedBarrier &barrier : block.asynchrony->barriers)
        if (barrier.address == address)
            return &barrier;
    return nullptr;
}

void land(Block &block, const TensorLoad &load) {
    SharedBarrier &barrier = block.asynchrony->barriers[(size_t)load.barrier];
    if (barrier.phase != load.phase)
        violation(block.warps[load.thread / lanes_per_warp].lanes[load.thread % lanes_per_warp], "tensor_load",
                  load.place, "its barrier's phase has ended before the copy landed: too few bytes were announced");
    each_run(load.box, [&](u32 shared, const char *global, int count) {
        size_t bytes = (size_t)count * load.box.map->element_bytes;
        if (global)
            memcpy(block.shared + shared, global, bytes);
        else
            memset(block.shared + shared, 0, bytes);
    });
    set_written(block, load.box.shared, load.box.bytes, stamp(block.first_clock + 1 + load.phase, barrier.agent),
                load.thread);
    barrier.bytes -= load.box.bytes;
    end_phase_if_complete(block, barrier);
}

/// Several blocks may add to one element.
std::mutex adding;

void add_run(const TensorMap &map, char *global, const u8 *shared, int count) {
    for (int i = 0; i < count; i++) {
        if (map.element_bytes == 4) {
            float sum, term;
            memcpy(&sum, global + i * 4, 4);
            memcpy(&term, shared + i * 4, 4);
            sum += term;
            memcpy(global + i * 4, &sum, 4);
        } else {
            u16 sum, term;
            memcpy(&sum, global + i * 2, 2);
            memcpy(&term, shared + i * 2, 2);
            sum = bf16_of_float(float_of_bf16(sum) + float_of_bf16(term));
            memcpy(global + i * 2, &sum, 2);
        }
    }
}

} // namespace

u64 land_tensor_loads(Block &block) {
    std::vector<TensorLoad> &loads = block.asynchrony->loads;
    u64 next = 0;
    for (size_t i = 0; i < loads.size();) {
        if (loads[i].due <= block.time) {
            TensorLoad load = loads[i];
            loads[i] = loads.back();
            loads.pop_back();
            land(block, load);
        } else {
            next = next ? std::min(next, loads[i].due) : loads[i].due;
            i++;
        }
    }
    return next;
}

void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier_address, const int *at, int rank, Place place) {
    const char *word = "tensor_load";
    Lane &lane = *current;
    Warp &warp = *lane.warp;
    Block &block = *warp.block;
    block.worker->counters.tensor_copies++;
    TensorBox box;
    SharedBarrier *barrier = find_barrier(block, barrier_address);
    if (!make_box(box, map, shared, at, rank, word, place))
        return;
    if (!barrier) {
        violation(word, place, "there is no barrier at this address", where(block, barrier_address));
        return;
    }
    if (!barrier->fence_clock || barrier->fence_clock > warp.clock.at[barrier->init_warp])
        violation(word, place, "its barrier's initialisation was not passed on by barrier_init_fence",
                  where(block, barrier_address));
    if (barrier->bytes <= 0 && barrier->missing == (int)barrier->arrivals && barrier->arrivals == 1)
        violation(word, place, "no bytes are announced at its barrier", where(block, barrier_address));
    touch(box);
    note_write(lane, shared, box.bytes, nullptr, word, place);
    set_written(block, shared, box.bytes, stamp(warp.own_clock(), VectorClock::pending), lane.identity.thread);
    memset(block.shared + shared, 0xff, box.bytes);
    u64 latency = block.next_random() % 2 ? block.next_random() % 8 : block.next_random() % longest_latency;
    int index = (int)(barrier - block.asynchrony->barriers.data());
    block.asynchrony->loads.push_back({box, index, barrier->phase, lane.identity.thread, place, block.time + latency});
}

void tensor_store(const char *word, const ck_tensor_map *map, u32 shared, const int *at, int rank, Place place) {
    Lane &lane = *current;
    Block &block = *lane.warp->block;
    block.worker->counters.tensor_copies++;
    TensorBox box;
    if (!make_box(box, map, shared, at, rank, word, place))
        return;
    touch(box);
    check_asynchronous_read(lane, shared, box.bytes, word, place);
    bool adds = !strcmp(word, "tensor_add");
    block.asynchrony->stores.push_back({box, lane.identity.thread, lane.store_groups, adds, word, place});
    block.asynchrony->reads.push_back(
        {shared, shared + box.bytes, lane.identity.thread, lane.store_groups, word, place});
}

void tensor_store_commit(Place place) {
    current->place = place;
    if (!planted("tensor_store_commit", place))
        current->store_groups++;
}

void tensor_store_wait(const char *word, int groups, Place place) {
    Lane &lane = *current;
    Block &block = *lane.warp->block;
    lane.place = place;
    if (planted(word, place))
        return;
    groups += planted(word, place, "one group less");
    if (lane.store_groups <= (u32)groups)
        return;
    u32 last = lane.store_groups - (u32)groups - 1;
    std::vector<TensorStore> &stores = block.asynchrony->stores;
    for (const TensorStore &store : stores)
        if (store.thread == lane.identity.thread && store.group <= last) {
            std::unique_lock<std::mutex> lock(adding, std::defer_lock);
            if (store.adds)
                lock.lock();
            each_run(store.box, [&](u32 shared, char *global, int count) {
                if (global && store.adds)
                    add_run(*store.box.map, global, block.shared + shared, count);
                else if (global)
                    memcpy(global, block.shared + shared, (size_t)count * store.box.map->element_bytes);
            });
            note_asynchronous_read(block, lane.warp->number, lane.warp->own_clock(), store.box.shared, store.box.bytes);
        }
    std::erase_if(
        stores, [&](const TensorStore &store) { return store.thread == lane.identity.thread && store.group <= last; });
    end_asynchronous_reads(block, lane.identity.thread, last);
}

void tensor_prefetch(const ck_tensor_map *map, int rank, Place place) {
    TensorBox box;
    int origin[5] = {0, 0, 0, 0, 0};
    make_box(box, map, shared_base(), origin, rank, "tensor_prefetch", place);
}

} // namespace emulation

// ---- Maps

using namespace emulation;

int emulation_write_tensor_map(const ck_tensor_layout *layout, ck_tensor_map *map) {
    const int refused = CK_CUDA_ERROR_INVALID_VALUE;
    TensorMap written = {};
    written.magic = TensorMap::written;
    written.base = layout->base;
    if (layout->rank < 1 || layout->rank > 5 || layout->base % 16)
        return refused;
    written.rank = (u8)layout->rank;
    if (layout->dtype == CK_TENSOR_MAP_BF16)
        written.element_bytes = 2;
    else if (layout->dtype == CK_TENSOR_MAP_F32)
        written.element_bytes = 4;
    else
        return refused;
    if (layout->swizzle == CK_TENSOR_MAP_SWIZZLE_128B)
        written.swizzle_bits = 3;
    else if (layout->swizzle == CK_TENSOR_MAP_SWIZZLE_64B)
        written.swizzle_bits = 2;
    else if (layout->swizzle)
        return refused;
    for (int i = 0; i < layout->rank; i++) {
        if (layout->extents[i] < 1 || layout->extents[i] > 1ull << 32 || layout->box[i] < 1 || layout->box[i] > 256)
            return refused;
        written.extents[i] = layout->extents[i];
        written.box[i] = (u16)layout->box[i];
        if (i && (layout->strides[i - 1] % 16 || layout->strides[i - 1] >= 1ull << 40))
            return refused;
        if (i)
            written.strides[i - 1] = layout->strides[i - 1];
    }
    // How narrower rows lie in swizzled shared memory is not emulated.
    u32 row = layout->box[0] * written.element_bytes;
    if (row % 16 || (written.swizzle_bits && row != 16u << written.swizzle_bits))
        return refused;
    memset(map, 0, sizeof *map);
    memcpy(map, &written, sizeof written);
    return 0;
}
