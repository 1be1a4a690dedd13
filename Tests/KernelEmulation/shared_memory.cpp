// Shared memory with a memory of who touched what.
//
// A read must come after the write it reads, a write after the last write and all reads of the place: after in the
// sense of barriers, not of the order in which the emulation happened to run the warps.

#include "asynchrony.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

namespace emulation {

namespace {

/// Where dynamic shared memory begins: aligned to 16 only, as on a GPU.
constexpr u32 shared_start = 1040;
constexpr u32 latest_clock = 1u << 24;

size_t rounded(size_t bytes) { return (bytes + 63) & ~(size_t)63; }

/// Says what is wrong about reading what was written like this.
__attribute__((cold, noinline)) void report_read(const Lane &lane, u32 index, const char *word,
                                                  const Place &place) {
    const Block &block = *lane.warp->block;
    u32 written = block.shadow.written[index];
    int writer = block.shadow.writer[index];
    std::string detail = where(block, index * 4) + text(", written by thread %d", writer);
    if (clock_of(written) <= block.first_clock)
        violation(lane, word, place, "reads shared memory that nobody has written", where(block, index * 4));
    else if (agent_of(written) == VectorClock::barrier)
        violation(lane, word, place, "reads a barrier", where(block, index * 4));
    else if (agent_of(written) == VectorClock::pending)
        violation(lane, word, place, "reads the destination of a copy that was not waited for", detail);
    else if ((int)agent_of(written) == lane.warp->number)
        violation(lane, word, place, "reads what another lane of the warp wrote, with no barrier between", detail);
    else if (agent_of(written) >= most_warps)
        violation(lane, word, place, "reads what a tensor copy brought, without waiting for its barrier", detail);
    else
        violation(lane, word, place, "reads what another warp wrote, with no barrier between", detail);
}

/// Whether this lane may overwrite the word.
bool may_overwrite(const Lane &lane, u32 index, const void *from) {
    const Warp &warp = *lane.warp;
    const Block &block = *warp.block;
    u32 written = block.shadow.written[index], clock = clock_of(written);
    if (clock <= block.first_clock)
        return true;
    if (clock > warp.clock.at[agent_of(written)])
        return false;
    // Lanes of one warp that write the same value to the same place do no harm.
    return (int)agent_of(written) != warp.number || clock != warp.clock.at[warp.number] ||
           block.shadow.writer[index] == lane.identity.thread || (from && !memcmp(block.shared + index * 4, from, 4));
}

__attribute__((cold, noinline)) void report_write(const Lane &lane, u32 index, const char *word,
                                                   const Place &place) {
    const Block &block = *lane.warp->block;
    int writer = block.shadow.writer[index];
    std::string detail = where(block, index * 4) + text(", written by thread %d", writer);
    if (agent_of(block.shadow.written[index]) == VectorClock::barrier)
        violation(lane, word, place, "overwrites a barrier", where(block, index * 4));
    else if (agent_of(block.shadow.written[index]) == VectorClock::pending)
        violation(lane, word, place, "overwrites the destination of a copy that was not waited for", detail);
    else
        violation(lane, word, place, "overwrites what another thread wrote, with no barrier between", detail);
}

} // namespace

std::string where(const Block &block, u32 address) {
    return text("offset %d, block's memory %u bytes", (int)(address - shared_base()), block.shared_end - shared_start);
}

void set_written(Block &block, u32 address, u32 bytes, u32 written, int thread) {
    u16 fences = (u16)block.warps[thread / lanes_per_warp].lanes[thread % lanes_per_warp].fences.size();
    for (u32 index = address / 4; index < (address + bytes) / 4; index++) {
        block.shadow.written[index] = written;
        block.shadow.writer[index] = (u16)thread;
        block.shadow.fences[index] = fences;
    }
}

Worker::~Worker() {
    if (memory)
        munmap(memory, memory_bytes);
}

void Worker::prepare_shared_memory(size_t bytes, int warp_count) {
    size_t words = (shared_start + bytes + 3) / 4;
    size_t data = rounded(words * 4), written = rounded(words * 4), writer = rounded(words * 2);
    size_t readers = (size_t)(warp_count + (warp_count + warps_per_group - 1) / warps_per_group);
    size_t before_read = data + written + 2 * writer, needed = before_read + words * 4 * readers;
    if (needed > memory_bytes || last_clock > latest_clock) {
        if (memory)
            munmap(memory, memory_bytes);
        memory_bytes = needed;
        void *mapping =
            mmap(nullptr, memory_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (mapping == MAP_FAILED)
            abort();
        memory = (char *)mapping;
        last_clock = 0;
    }
    // Blocks of one launch after the other have the same layout; otherwise old clocks would be read as something else.
    if (block.shadow.words != words) {
        memset(memory, 0, needed);
        block.shadow.words = words;
    }
    block.first_clock = last_clock;
    block.shared = (u8 *)memory;
    block.shadow.written = (u32 *)(memory + data);
    block.shadow.writer = (u16 *)(memory + data + written);
    block.shadow.fences = (u16 *)(memory + data + written + writer);
    block.shadow.read = (u32 *)(memory + before_read);
    block.shadow.warps = warp_count;
    block.shared_end = shared_start + (u32)bytes;
    memset(block.shared, 0xff, data); // NaN
}

namespace {

inline bool is_inside(const Block &block, u32 address, u32 bytes, u32 alignment) {
    return address % alignment == 0 && address >= shared_start && address <= block.shared_end &&
           bytes <= block.shared_end - address;
}

/// Notes a read of what others wrote before a barrier, which is most of them; false leaves the rest to note_read.
template <u32 bytes> bool note_plain_read(const Lane &lane, u32 address) {
    Warp &warp = *lane.warp;
    const Block &block = *warp.block;
    const u32 *written = block.shadow.written + address / 4;
    const u32 own = warp.own_clock();
    u32 good = ~0u; // what one agent wrote at one time is seen as one
    for (u32 i = 0; i < bytes / 4; i++) {
        if (written[i] == good)
            continue;
        good = written[i];
        u32 agent = agent_of(good), clock = clock_of(good);
        if (clock <= block.first_clock || clock > warp.clock.at[agent] || ((int)agent == warp.number && clock == own))
            return false;
    }
    u32 *read = block.shadow.read_by(warp.number) + address / 4;
    for (u32 i = 0; i < bytes / 4; i++)
        read[i] = own;
    return true;
}

/// The same for a write over what this warp has seen written and read; false leaves the rest to note_write.
template <u32 bytes> bool note_plain_write(const Lane &lane, u32 address) {
    Warp &warp = *lane.warp;
    const Block &block = *warp.block;
    const Shadow &shadow = block.shadow;
    const u32 first = address / 4, own = warp.own_clock();
    if (block.asynchrony->used)
        return false;
    for (u32 i = 0; i < bytes / 4; i++) {
        u32 agent = agent_of(shadow.written[first + i]), clock = clock_of(shadow.written[first + i]);
        if (clock > block.first_clock &&
            (clock > warp.clock.at[agent] || ((int)agent == warp.number && clock == own)))
            return false;
    }
    for (int w = 0; w < block.warp_count; w++) {
        const u32 *read = shadow.read_by(w) + first;
        u32 last = 0;
        for (u32 i = 0; i < bytes / 4; i++)
            last = last > read[i] ? last : read[i];
        if (last > warp.clock.at[w] && w != warp.number)
            return false;
    }
    const u32 written = stamp(own, warp.number);
    const u16 thread = (u16)lane.identity.thread, fences = (u16)lane.fences.size();
    for (u32 i = 0; i < bytes / 4; i++) {
        shadow.written[first + i] = written;
        shadow.writer[first + i] = thread;
        shadow.fences[first + i] = fences;
    }
    return true;
}

} // namespace

u32 shared_base() { return (shared_start + 1023u) & ~1023u; }

bool check_range(const Lane &lane, u32 address, u32 bytes, u32 alignment, const char *word, const Place &place) {
    const Block &block = *lane.warp->block;
    if (is_inside(block, address, bytes, alignment)) [[likely]]
        return true;
    if (address % alignment)
        violation(lane, word, place, "misaligned address in shared memory", where(block, address));
    else
        violation(lane, word, place, "address outside the block's shared memory", where(block, address));
    return false;
}

void note_read(const Lane &lane, u32 address, u32 bytes, bool by_warp, const char *word, const Place &place) {
    if (bytes == 16 && note_plain_read<16>(lane, address))
        return;
    Warp &warp = *lane.warp;
    const Block &block = *warp.block;
    const Shadow &shadow = block.shadow;
    u32 own = warp.own_clock();
    u32 *read = shadow.read_by(warp.number);
    for (u32 index = address / 4; index < (address + bytes) / 4; index++) {
        u32 written = shadow.written[index], agent = agent_of(written), clock = clock_of(written);
        bool seen = clock > block.first_clock && clock <= warp.clock.at[agent];
        bool in_warp =
            (int)agent == warp.number && clock == own && (by_warp || shadow.writer[index] != lane.identity.thread);
        if (!seen || in_warp) [[unlikely]] {
            report_read(lane, index, word, place);
            return;
        }
        read[index] = own;
    }
}

void note_write(const Lane &lane, u32 address, u32 bytes, const void *from, const char *word, const Place &place) {
    if (bytes == 16 && note_plain_write<16>(lane, address))
        return;
    Warp &warp = *lane.warp;
    const Block &block = *warp.block;
    const Shadow &shadow = block.shadow;
    for (u32 index = address / 4; index < (address + bytes) / 4; index++) {
        if (!may_overwrite(lane, index, from ? (const char *)from + (index - address / 4) * 4 : nullptr)) [[unlikely]] {
            report_write(lane, index, word, place);
            return;
        }
        for (int w = 0; w < block.warp_count; w++)
            if (w != warp.number && shadow.read_by(w)[index] > warp.clock.at[w]) [[unlikely]] {
                violation(lane, word, place, "overwrites what another warp reads, with no barrier between",
                          where(block, index * 4) + text(", read by warp %d", w));
                return;
            }
    }
    for (int w = 0; w < block.warp_count && block.asynchrony->used; w += warps_per_group)
        for (u32 index = address / 4; index < (address + bytes) / 4; index++)
            if (shadow.read_by(warpgroup_agent(w))[index] > warp.clock.at[warpgroup_agent(w)]) [[unlikely]] {
                violation(lane, word, place, "overwrites what a product reads, without having waited for it",
                          where(block, index * 4) + text(", of warps %d-%d", w, w + warps_per_group - 1));
                return;
            }
    check_unread(lane, address, bytes, word, place);
    set_written(*warp.block, address, bytes, stamp(warp.own_clock(), warp.number), lane.identity.thread);
}

template <u32 bytes> void shared_read(void *to, u32 address, const char *word, Place place) {
    Lane &lane = *current;
    const Block &block = *lane.warp->block;
    lane.place = place;
    if (!is_inside(block, address, bytes, bytes)) [[unlikely]] {
        check_range(lane, address, bytes, bytes, word, lane.place);
        memset(to, 0xff, bytes);
        return;
    }
    if (!note_plain_read<bytes>(lane, address)) [[unlikely]]
        note_read(lane, address, bytes, false, word, lane.place);
    memcpy(to, block.shared + address, bytes);
}
template void shared_read<4>(void *, u32, const char *, Place);
template void shared_read<8>(void *, u32, const char *, Place);
template void shared_read<16>(void *, u32, const char *, Place);

template <u32 bytes> void shared_write(u32 address, const void *from, const char *word, Place place) {
    Lane &lane = *current;
    const Block &block = *lane.warp->block;
    lane.place = place;
    if (!is_inside(block, address, bytes, bytes)) [[unlikely]] {
        check_range(lane, address, bytes, bytes, word, lane.place);
        return;
    }
    if (!note_plain_write<bytes>(lane, address)) [[unlikely]]
        note_write(lane, address, bytes, from, word, lane.place);
    memcpy(block.shared + address, from, bytes);
}
template void shared_write<4>(u32, const void *, const char *, Place);
template void shared_write<8>(u32, const void *, const char *, Place);
template void shared_write<16>(u32, const void *, const char *, Place);

// ---- Copies of 16 bytes (cp.async): they land as late as they may, when their thread waits

void copy_async(u32 address, const void *global, bool valid, Place place) {
    Lane &lane = *current;
    Block &block = *lane.warp->block;
    lane.place = place;
    block.worker->counters.copies++;
    if (!check_range(lane, address, 16, 16, "copy_async", place))
        return;
    if ((size_t)global % 16) {
        violation("copy_async", place, "misaligned address in global memory");
        valid = false;
    }
    if (valid) { // a bad address is to show here, not where the copy lands
        (void)*(const volatile char *)global;
        (void)((const volatile char *)global)[15];
    }
    note_write(lane, address, 16, nullptr, "copy_async", place);
    set_written(block, address, 16, stamp(lane.warp->own_clock(), VectorClock::pending), lane.identity.thread);
    memset(block.shared + address, 0xff, 16);
    lane.copies.push_back({address, valid ? global : nullptr});
}

void copy_async_commit(Place place) {
    current->place = place;
    if (planted("copy_async_commit", place))
        return;
    current->groups.push_back(current->copies.size());
}

void copy_async_wait(int groups, Place place) {
    Lane &lane = *current;
    lane.place = place;
    if (planted("copy_async_wait", place))
        return;
    groups += planted("copy_async_wait", place, "one group less");
    if ((int)lane.groups.size() <= groups)
        return;
    Block &block = *lane.warp->block;
    size_t done = lane.groups.size() - (size_t)groups, end = lane.groups[done - 1];
    u32 written = stamp(lane.warp->own_clock(), lane.warp->number);
    for (; lane.landed < end; lane.landed++) {
        const PendingCopy &copy = lane.copies[lane.landed];
        if (copy.global)
            memcpy(block.shared + copy.shared, copy.global, 16);
        else
            memset(block.shared + copy.shared, 0, 16);
        set_written(block, copy.shared, 16, written, lane.identity.thread);
    }
    lane.groups.erase(lane.groups.begin(), lane.groups.begin() + (long)done);
    if (lane.landed == lane.copies.size()) {
        lane.copies.clear();
        lane.landed = 0;
        for (size_t &group : lane.groups) // the groups that are left are empty
            group = 0;
    }
}

} // namespace emulation
