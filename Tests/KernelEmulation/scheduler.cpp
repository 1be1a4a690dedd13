// Who runs next.
//
// A warp runs until none of its lanes can: its lanes follow each other directly, without a detour over the scheduler,
// so that a collective word costs one switch a lane. A lane that never waits runs to its end on a stack that it shares
// with the ones before it.

#include "asynchrony.h"

#include <algorithm>
#include <stdlib.h>

namespace emulation {

constinit thread_local Lane *current = nullptr;

const Identity &identity() { return current->identity; }

namespace {

constexpr int preemption = 64; ///< a warp is interrupted after one in so many collective words
constexpr u32 longest_sleep = 600;

void run_lanes();

/// The ready lane at or after `first`, around the ring.
int ready_lane(const Warp &warp, int first) {
    u32 turned = first ? warp.ready >> first | warp.ready << (lanes_per_warp - first) : warp.ready;
    return (first + __builtin_ctz(turned)) % lanes_per_warp;
}

/// The fiber that goes on with this lane.
Fiber &fiber_of(Lane &lane) {
    if (!lane.fiber.stack) {
        lane.fiber = lane.warp->block->worker->stacks.start(run_lanes);
        lane.warp->unstarted &= ~(1u << lane.number);
    }
    return lane.fiber;
}

/// The entry of every fiber: runs the current lane, then lanes of the warp that have not begun, then leaves.
void run_lanes() {
    arrive_on_new_fiber();
    for (;;) {
        Lane &lane = *current;
        Warp &warp = *lane.warp;
        Worker &worker = *warp.block->worker;
        worker.launch->kernel->run(worker.launch->arguments);
        u32 bit = 1u << lane.number;
        warp.ready &= ~bit;
        warp.ended |= bit;
        check_end_of_lane(lane);
        if (warp.arrived) {
            violation(lane, warp.word, warp.place, "a lane of the warp has ended and will never come");
            stop_block();
        }
        Fiber own = lane.fiber;
        lane.fiber.stack = nullptr;
        if (!warp.ready) {
            worker.stacks.give_back(own);
            current = nullptr;
            leave_fiber(own, worker.scheduler);
        }
        Lane &next = warp.lanes[ready_lane(warp, (lane.number + 1) % lanes_per_warp)];
        current = &next;
        if (warp.unstarted >> next.number & 1) {
            warp.unstarted &= ~(1u << next.number);
            next.fiber = own;
        } else {
            worker.stacks.give_back(own);
            leave_fiber(own, next.fiber);
        }
    }
}

/// Hands over to another lane of the warp or to the scheduler.
void leave(Lane &lane) {
    Warp &warp = *lane.warp;
    Worker &worker = *warp.block->worker;
    worker.counters.switches++;
    if (warp.ready) {
        Lane &next = warp.lanes[ready_lane(warp, (lane.number + 1) % lanes_per_warp)];
        current = &next;
        switch_fiber(lane.fiber, fiber_of(next));
    } else {
        current = nullptr;
        switch_fiber(lane.fiber, worker.scheduler);
    }
}

std::string deadlock(const Block &block) {
    std::string report;
    for (int w = 0; w < block.warp_count; w++) {
        const Warp &warp = block.warps[w];
        for (int l = 0; l < lanes_per_warp;) {
            const Lane &lane = warp.lanes[l];
            int end = l + 1;
            while (end < lanes_per_warp && warp.lanes[end].waits_for == lane.waits_for &&
                   warp.lanes[end].place.line == lane.place.line)
                end++;
            int first = w * lanes_per_warp + l, last = w * lanes_per_warp + end - 1;
            if (lane.waits_for)
                report += text(" threads %d-%d wait in %s at line %d;", first, last, lane.waits_for, lane.place.line);
            else
                report += text(" threads %d-%d have ended;", first, last);
            l = end;
        }
    }
    return report;
}

/// Lets one warp run until none of its lanes can; false when all have ended, or never will.
bool give_turn(Worker &worker) {
    Block &block = worker.block;
    block.time++;
    u64 next_landing = land_tensor_loads(block);
    int ready[most_warps], count = 0;
    bool all_ended = true;
    u64 next_waking = 0;
    for (int w = 0; w < block.warp_count; w++) {
        const Warp &warp = block.warps[w];
        all_ended = all_ended && warp.ended == all_lanes;
        if (warp.ready && warp.asleep_until > block.time)
            next_waking = next_waking ? std::min(next_waking, warp.asleep_until) : warp.asleep_until;
        else if (warp.ready)
            ready[count++] = w;
    }
    if (all_ended)
        return false;
    if (!count && (next_landing || next_waking)) {
        u64 next = !next_landing || (next_waking && next_waking < next_landing) ? next_waking : next_landing;
        block.time = next - 1;
        return true;
    }
    if (!count) {
        violation(block.warps[0].lanes[0], "kernel", {nullptr, 0}, "deadlock", deadlock(block));
        block.stopped = true;
        return false;
    }
    Warp &warp = block.warps[ready[block.next_random() % (u32)count]];
    Lane &lane = warp.lanes[ready_lane(warp, warp.next)];
    current = &lane;
    worker.counters.switches++;
    switch_fiber(worker.scheduler, fiber_of(lane));
    current = nullptr;
    return true;
}

} // namespace

void wait(const char *word) {
    Lane &lane = *current;
    lane.waits_for = word;
    lane.warp->ready &= ~(1u << lane.number);
    leave(lane);
    lane.waits_for = nullptr;
}

void yield() {
    Lane &lane = *current;
    Worker &worker = *lane.warp->block->worker;
    worker.counters.switches++;
    lane.warp->next = lane.number;
    current = nullptr;
    switch_fiber(lane.fiber, worker.scheduler);
}

void doze() {
    Block &block = current_block();
    current_warp().asleep_until = block.time + block.next_random() % longest_sleep;
    yield();
}

void stop_block() {
    Lane &lane = *current;
    Block &block = *lane.warp->block;
    block.stopped = true;
    current = nullptr;
    leave_fiber(lane.fiber, block.worker->scheduler);
    abort();
}

void meet(const char *word, WarpOperation operation, void *payload, Place place) {
    Lane &lane = *current;
    Warp &warp = *lane.warp;
    lane.place = place;
    if (!warp.arrived) {
        warp.operation = operation;
        warp.word = word;
        warp.place = place;
    } else if (warp.operation != operation || warp.place.line != place.line) {
        violation(word, place, "lanes of one warp diverge",
                  text("others are in %s at line %d", warp.word, warp.place.line));
        stop_block();
    }
    if (warp.ended) {
        violation(word, place, "a lane of the warp has ended and will never come");
        stop_block();
    }
    warp.payload[lane.number] = payload;
    warp.arrived |= 1u << lane.number;
    if (warp.arrived != all_lanes) {
        wait(word);
        return;
    }
    warp.arrived = 0;
    operation(warp);
    warp.ready = all_lanes;
    if (warp.block->next_random() % preemption == 0)
        yield();
}

Worker::Worker() : asynchrony(std::make_unique<Asynchrony>()) {}

void Worker::run_block(unsigned index) {
    const Launch &launch = *this->launch;
    block.worker = this;
    block.index[0] = (int)(index % launch.grid[0]);
    block.index[1] = (int)(index / launch.grid[0] % launch.grid[1]);
    block.index[2] = (int)(index / launch.grid[0] / launch.grid[1]);
    block.thread_count = (int)launch.threads;
    block.warp_count = block.thread_count / lanes_per_warp;
    block.random = (launch.seed * 0x9e3779b97f4a7c15ull + index) * 0xbf58476d1ce4e5b9ull + 1;
    block.stopped = false;
    prepare_shared_memory(launch.shared_bytes, block.warp_count);
    block.barrier_arrived = 0;
    for (u32 &clock : block.barrier_clock.at)
        clock = block.first_clock;
    block.barrier_clock.at[VectorClock::pending] = block.barrier_clock.at[VectorClock::barrier] = 0;
    block.warps = warps.data();
    block.time = 0;
    block.asynchrony = asynchrony.get();
    asynchrony->reset(block);
    for (int w = 0; w < block.warp_count; w++) {
        Warp &warp = warps[w];
        warp.block = &block;
        warp.number = w;
        warp.ready = warp.unstarted = all_lanes;
        warp.ended = warp.arrived = 0;
        warp.next = 0;
        warp.asleep_until = 0;
        warp.clock = block.barrier_clock;
        warp.own_clock()++;
        for (int l = 0; l < lanes_per_warp; l++) {
            Lane &lane = warp.lanes[l];
            lane.identity = {w * lanes_per_warp + l,
                             block.thread_count,
                             {block.index[0], block.index[1], block.index[2]},
                             {(int)launch.grid[0], (int)launch.grid[1], (int)launch.grid[2]}};
            lane.warp = &warp;
            lane.number = l;
            lane.fiber = Fiber();
            lane.waits_for = nullptr;
            lane.place = {nullptr, 0};
            lane.copies.clear();
            lane.groups.clear();
            lane.landed = 0;
            lane.fences.clear();
            lane.store_groups = 0;
        }
    }
    counters.blocks++;
    counters.threads += (u64)block.thread_count;

    while (!block.stopped && give_turn(*this)) {
    }
    if (!block.stopped)
        check_end_of_block(block);
    for (int w = 0; w < block.warp_count; w++)
        last_clock = std::max(last_clock, warps[w].own_clock());
    for (int w = 0; w < block.warp_count; w++)
        last_clock = std::max(last_clock, block.first_clock + (u32)asynchrony->products[w].issued + 1);
    for (const SharedBarrier &barrier : asynchrony->barriers)
        last_clock = std::max(last_clock, block.first_clock + barrier.phase + 1);
    if (block.stopped)
        stacks.reset();
}

void Worker::run_blocks() {
    unsigned count = launch->block_count;
    for (;;) {
        unsigned index = launch->next_block.fetch_add(1, std::memory_order_relaxed);
        if (index >= count || launch->stopped.load(std::memory_order_relaxed))
            return;
        // Kernels must not depend on the order of blocks; half of the seeds run them backwards.
        run_block(launch->seed & 1 ? count - 1 - index : index);
    }
}

} // namespace emulation
