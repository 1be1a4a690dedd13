#include "asynchrony.h"

#include <algorithm>
#include <string.h>

namespace emulation {

namespace {

constexpr int registers_of_a_block = 65536;
constexpr int most_registers = 255;

} // namespace

void Asynchrony::reset(const Block &block) {
    const Kernel &kernel = *block.worker->launch->kernel;
    int registers = std::min(registers_of_a_block / (kernel.threads * kernel.blocks), most_registers) / 8 * 8;
    if (used)
        for (WarpProducts &products : this->products)
            products = WarpProducts();
    for (WarpProducts &products : this->products)
        products.registers = registers;
    if (!used)
        return;
    barriers.clear();
    memset(named, 0, sizeof named);
    loads.clear();
    stores.clear();
    reads.clear();
    for (Warpgroup &group : groups)
        group = Warpgroup();
    free_registers = 0;
    fruitless_tries = 0;
    used = false;
}

// ---- Reads on the side

void check_unread(const Lane &lane, u32 address, u32 bytes, const char *word, const Place &place) {
    const Block &block = *lane.warp->block;
    for (const AsynchronousRead &read : block.asynchrony->reads)
        if (address < read.end && read.begin < address + bytes) {
            violation(lane, word, place, "overwrites what is still being read",
                      text("by %s at line %d, ", read.word, read.place.line) + where(block, address));
            return;
        }
}

namespace {

__attribute__((cold, noinline)) void report_asynchronous_read(const Lane &lane, u32 index, const char *word,
                                                              const Place &place) {
    const Block &block = *lane.warp->block;
    u32 written = block.shadow.written[index];
    std::string detail = where(block, index * 4) + text(", written by thread %d", block.shadow.writer[index]);
    if (clock_of(written) <= block.first_clock)
        violation(lane, word, place, "reads shared memory that nobody has written", where(block, index * 4));
    else if (agent_of(written) == VectorClock::pending)
        violation(lane, word, place, "reads the destination of a copy that has not landed", detail);
    else if (agent_of(written) >= most_warps)
        violation(lane, word, place, "reads what a tensor copy brought, without waiting for its barrier", detail);
    else
        violation(lane, word, place, "reads what a thread wrote, with no barrier between", detail);
}

/// Whether the writer of this word has made a proxy fence since, which this lane's warp has seen.
bool is_fenced(const Lane &lane, u32 index) {
    const Block &block = *lane.warp->block;
    u32 written = block.shadow.written[index];
    int writer = block.shadow.writer[index];
    const Lane &writing = block.warps[writer / lanes_per_warp].lanes[writer % lanes_per_warp];
    u16 before = block.shadow.fences[index];
    return writing.fences.size() > before && writing.fences[before] <= lane.warp->clock.at[agent_of(written)];
}

} // namespace

void check_asynchronous_read(const Lane &lane, u32 address, u32 bytes, const char *word, const Place &place) {
    const Warp &warp = *lane.warp;
    const Block &block = *warp.block;
    u32 good = 0; // what tensor copies wrote in one phase is written by one
    for (u32 index = address / 4; index < (address + bytes) / 4; index++) {
        u32 written = block.shadow.written[index], agent = agent_of(written), clock = clock_of(written);
        if (written == good)
            continue;
        if (clock <= block.first_clock || clock > warp.clock.at[agent]) {
            report_asynchronous_read(lane, index, word, place);
            return;
        }
        if (agent >= most_warps) {
            good = written;
        } else if (!is_fenced(lane, index)) {
            violation(lane, word, place, "reads what a thread wrote and did not pass by proxy_fence",
                      where(block, index * 4) + text(", written by thread %d", block.shadow.writer[index]));
            return;
        }
    }
}

void note_asynchronous_read(const Block &block, int agent, u32 clock, u32 address, u32 bytes) {
    u32 *read = block.shadow.read_by(agent);
    std::fill(read + address / 4, read + (address + bytes) / 4, clock);
}

void end_asynchronous_reads(Block &block, int reader, u64 number) {
    std::erase_if(block.asynchrony->reads,
                  [&](const AsynchronousRead &read) { return read.reader == reader && read.number <= number; });
}

void proxy_fence(Place place) {
    current->place = place;
    if (!planted("proxy_fence", place))
        current->fences.push_back(current_warp().own_clock());
}

// ---- Ends

void check_end_of_lane(const Lane &lane) {
    if (lane.landed < lane.copies.size()) // no manual says that they cannot land in the next block
        violation(lane, "copy_async", lane.place, "its thread has ended without waiting for it");
    const Asynchrony &asynchrony = *lane.warp->block->asynchrony;
    if (!asynchrony.used)
        return;
    for (const TensorStore &store : asynchrony.stores)
        if (store.thread == lane.identity.thread)
            violation(lane, store.word, store.place, "its thread has ended without waiting for it");
    const WarpProducts &products = asynchrony.products[lane.warp->number];
    if (!products.under_way.empty())
        violation(lane, "warpgroup_multiply", lane.place, "its warp has ended without waiting for it");
}

void check_end_of_block(const Block &block) {
    const Asynchrony &asynchrony = *block.asynchrony;
    if (!asynchrony.used)
        return;
    const Lane &lane = block.warps[0].lanes[0];
    for (const TensorLoad &load : asynchrony.loads)
        violation(block.warps[load.thread / lanes_per_warp].lanes[load.thread % lanes_per_warp], "tensor_load",
                  load.place, "the block has ended before the copy landed");
    for (const SharedBarrier &barrier : asynchrony.barriers)
        if (barrier.bytes)
            violation(lane, "barrier_arrive_expect", {nullptr, 0}, "announced bytes have not come",
                      where(block, barrier.address) + text(", %lld bytes", barrier.bytes));
    for (int w = 0; w < block.warp_count; w++) {
        const WarpProducts &own = asynchrony.products[w];
        const WarpProducts &first = asynchrony.products[w / warps_per_group * warps_per_group];
        if (own.issued != first.issued)
            violation(block.warps[w].lanes[0], "warpgroup_multiply", {nullptr, 0},
                      "warps of one warpgroup issued different numbers of products");
        if (own.registers != first.registers)
            violation(block.warps[w].lanes[0], "registers_increase", {nullptr, 0},
                      "warps of one warpgroup have different numbers of registers");
    }
}

} // namespace emulation
