// Barriers in shared memory (PTX manual, "mbarrier"), barriers by number ("barrier"), and the registers that warpgroups
// hand each other ("setmaxnreg").

#include "asynchrony.h"
#include "words_sm90.h"

namespace emulation {

void end_phase_if_complete(Block &block, SharedBarrier &barrier) {
    if (barrier.missing || barrier.bytes)
        return;
    barrier.phase++;
    barrier.missing = (int)barrier.arrivals;
    barrier.released.at[barrier.agent] = block.first_clock + barrier.phase;
    barrier.visible = barrier.released;
    for (int w = 0; w < block.warp_count; w++) {
        block.warps[w].ready |= barrier.waiting[w];
        barrier.waiting[w] = 0;
    }
}

namespace {

/// A thread that asks so often has waited too long.
constexpr u64 most_tries = 1u << 20;

/// The barrier at this address if it can be used; reports why not, and returns NULL.
SharedBarrier *usable_barrier(u32 address, const char *word, Place place) {
    Lane &lane = *current;
    Warp &warp = *lane.warp;
    lane.place = place;
    for (SharedBarrier &barrier : warp.block->asynchrony->barriers)
        if (barrier.address == address) {
            bool seen = barrier.init_warp == warp.number
                            ? barrier.init_thread == lane.identity.thread || barrier.init_clock < warp.own_clock()
                            : barrier.init_clock <= warp.clock.at[barrier.init_warp];
            if (!seen)
                violation(word, place, "its barrier's initialisation may not be visible yet",
                          where(*warp.block, address));
            return &barrier;
        }
    violation(word, place, "there is no barrier at this address", where(*warp.block, address));
    return nullptr;
}

void arrive(SharedBarrier &barrier, const char *word, Place place) {
    Warp &warp = current_warp();
    if (--barrier.missing < 0) {
        violation(word, place, "more arrivals in a phase than the barrier was told",
                  where(*warp.block, barrier.address));
        barrier.missing = 0;
    }
    barrier.released.join(warp.clock);
    warp.own_clock()++;
    end_phase_if_complete(*warp.block, barrier);
}

bool has_ended(const SharedBarrier &barrier, u32 parity) { return (barrier.phase & 1) != (parity & 1); }

/// What came before the end of the last phase is visible to this warp from here on.
void acquire(const SharedBarrier &barrier) {
    Warp &warp = current_warp();
    if (warp.clock.at[barrier.agent] < barrier.visible.at[barrier.agent])
        warp.clock.join(barrier.visible);
}

} // namespace

void barrier_init(u32 address, u32 arrivals, Place place) {
    Lane &lane = *current;
    Warp &warp = *lane.warp;
    Block &block = *warp.block;
    Asynchrony &asynchrony = *block.asynchrony;
    lane.place = place;
    if (!check_range(lane, address, 8, 8, "barrier_init", place))
        return;
    if (asynchrony.barriers.size() >= most_barriers) {
        violation("barrier_init", place, "more barriers than the emulation has room for");
        return;
    }
    arrivals -= planted("barrier_init", place, "one arrival less");
    if (!arrivals)
        violation("barrier_init", place, "a barrier needs at least one arrival");
    note_write(lane, address, 8, nullptr, "barrier_init", place); // reports a second initialisation
    set_written(block, address, 8, stamp(warp.own_clock(), VectorClock::barrier), lane.identity.thread);
    SharedBarrier barrier = {};
    barrier.address = address;
    barrier.agent = most_warps + (int)asynchrony.barriers.size();
    barrier.arrivals = arrivals;
    barrier.missing = (int)arrivals;
    barrier.init_warp = warp.number;
    barrier.init_thread = lane.identity.thread;
    barrier.init_clock = warp.own_clock();
    asynchrony.barriers.push_back(barrier);
    asynchrony.used = true;
}

void barrier_init_fence(Place place) {
    Lane &lane = *current;
    lane.place = place;
    if (planted("barrier_init_fence", place))
        return;
    for (SharedBarrier &barrier : lane.warp->block->asynchrony->barriers)
        if (barrier.init_thread == lane.identity.thread && !barrier.fence_clock)
            barrier.fence_clock = lane.warp->own_clock();
}

void barrier_arrive(u32 address, Place place) {
    if (SharedBarrier *barrier = usable_barrier(address, "barrier_arrive", place))
        if (!planted("barrier_arrive", place))
            arrive(*barrier, "barrier_arrive", place);
}

void barrier_arrive_expect(u32 address, u32 bytes, Place place) {
    SharedBarrier *barrier = usable_barrier(address, "barrier_arrive_expect", place);
    if (!barrier || planted("barrier_arrive_expect", place))
        return;
    barrier->bytes += planted("barrier_arrive_expect", place, "fewer bytes") ? bytes / 2 : bytes;
    arrive(*barrier, "barrier_arrive_expect", place);
}

bool barrier_try(u32 address, u32 parity, Place place) {
    SharedBarrier *barrier = usable_barrier(address, "barrier_try", place);
    if (!barrier)
        stop_block();
    if (has_ended(*barrier, parity)) {
        acquire(*barrier);
        return true;
    }
    if (++current_block().asynchrony->fruitless_tries > most_tries) {
        violation("barrier_try", place, "the phase does not end", where(current_block(), address));
        stop_block();
    }
    yield();
    return false;
}

void barrier_wait(u32 address, u32 parity, Place place) {
    SharedBarrier *barrier = usable_barrier(address, "barrier_wait", place);
    if (!barrier)
        stop_block();
    if (planted("barrier_wait", place))
        return;
    parity ^= planted("barrier_wait", place, "other parity");
    while (!has_ended(*barrier, parity)) {
        barrier->waiting[current_warp().number] |= 1u << current->number;
        wait("barrier_wait");
    }
    acquire(*barrier);
}

// ---- Barriers by number

namespace {

/// Returns whether the current thread is the last to come.
bool arrive_at(NamedBarrier &barrier, int id, int threads, const char *word, Place place) {
    Lane &lane = *current;
    Warp &warp = *lane.warp;
    Block &block = *warp.block;
    lane.place = place;
    block.asynchrony->used = true;
    if (!barrier.arrived)
        barrier.threads = threads;
    if (threads % lanes_per_warp || threads <= 0 || threads > block.thread_count)
        violation(word, place, "a barrier takes a positive multiple of 32 threads of the block");
    if (barrier.threads != threads)
        violation(word, place, "threads disagree about how many the barrier takes",
                  text("barrier %d, %d and %d", id, barrier.threads, threads));
    u32 bit = 1u << lane.number;
    if (barrier.came[warp.number] & bit)
        violation(word, place, "a thread arrives twice before the barrier's other threads have come",
                  text("barrier %d", id));
    barrier.came[warp.number] |= bit;
    barrier.clock.join(warp.clock);
    warp.own_clock()++;
    if (++barrier.arrived < barrier.threads)
        return false;
    for (int w = 0; w < block.warp_count; w++) {
        if (barrier.came[w] && barrier.came[w] != all_lanes)
            violation(word, place, "only some lanes of a warp have come to the barrier", text("warp %d", w));
        barrier.came[w] = 0;
        if (barrier.waiting[w]) {
            block.warps[w].clock.join(barrier.clock);
            block.warps[w].ready |= barrier.waiting[w];
            barrier.waiting[w] = 0;
        }
    }
    barrier.arrived = 0;
    return true;
}

NamedBarrier &named_barrier(int id, const char *word, Place place) {
    if (id < 1 || id >= named_barriers) {
        violation(word, place, "the number of a barrier is from 1 to 15", text("%d", id));
        stop_block();
    }
    return current_block().asynchrony->named[id];
}

} // namespace

void named_barrier_sync(int id, int threads, Place place) {
    NamedBarrier &barrier = named_barrier(id, "named_barrier_sync", place);
    if (planted("named_barrier_sync", place))
        return;
    if (arrive_at(barrier, id, threads, "named_barrier_sync", place)) {
        current_warp().clock.join(barrier.clock);
        return;
    }
    barrier.waiting[current_warp().number] |= 1u << current->number;
    wait("named_barrier_sync");
}

void named_barrier_arrive(int id, int threads, Place place) {
    NamedBarrier &barrier = named_barrier(id, "named_barrier_arrive", place);
    if (!planted("named_barrier_arrive", place))
        arrive_at(barrier, id, threads, "named_barrier_arrive", place);
}

// ---- Registers

namespace {

/// Gives the warp the registers it wants; false if too few are free, or none are wanted.
bool grant_registers(Block &block, int number) {
    Asynchrony &asynchrony = *block.asynchrony;
    WarpProducts &warp = asynchrony.products[number];
    int more = (warp.wanted_registers - warp.registers) * lanes_per_warp;
    if (!warp.wanted_registers || more > asynchrony.free_registers)
        return false;
    asynchrony.free_registers -= more;
    warp.registers = warp.wanted_registers;
    warp.wanted_registers = 0;
    block.warps[number].ready = all_lanes;
    return true;
}

void want_registers(Warp &warp) {
    Block &block = *warp.block;
    block.asynchrony->products[warp.number].wanted_registers = *(const int *)warp.payload[0];
    grant_registers(block, warp.number);
    for (int w = 0; w < block.warp_count; w++)
        grant_registers(block, w);
}

} // namespace

void registers_change(int registers, bool increase, Place place) {
    const char *word = increase ? "registers_increase" : "registers_decrease";
    Asynchrony &asynchrony = *current_block().asynchrony;
    WarpProducts &own = asynchrony.products[current_warp().number];
    asynchrony.used = true;
    if (current->number == 0) {
        if (registers % 8 || registers < 24 || registers > 256)
            violation(word, place, "a thread has a multiple of 8 registers, from 24 to 256");
        if (increase ? registers < own.registers : registers > own.registers)
            violation(word, place, "goes the wrong way", text("from %d to %d registers", own.registers, registers));
    }
    meet(word, want_registers, &registers, place);
    while (own.registers != registers)
        wait(word); // until others have given theirs up
}

} // namespace emulation
