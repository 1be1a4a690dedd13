// The state of a running grid: a launch has workers (CPU threads), a worker runs one block at a time, a block has
// warps, a warp has lanes (CUDA threads).
//
// Who has seen what is kept in vector clocks (as in race detectors of the FastTrack family): an agent is a warp, a
// barrier in shared memory on whose behalf the copy engine writes, or a warpgroup whose products read.
#pragma once

#include "fiber.h"
#include "include/kernel_emulation.h"
#include "words.h"

#include <atomic>
#include <memory>
#include <mutex>
#include <signal.h>
#include <string>
#include <vector>

namespace emulation {

constexpr int lanes_per_warp = 32;
constexpr int most_warps = 32;
constexpr int most_barriers = 64;
constexpr int warps_per_group = 4;
constexpr u32 all_lanes = 0xffffffffu;

struct Asynchrony;
struct Block;
struct Launch;
struct Warp;
struct Worker;

/// at[agent]: up to which of that agent's own clock everything it did is visible.
struct alignas(64) VectorClock {
    /// The last two stand for copies that have not landed and for barriers, which nobody may read or write: they stay
    /// 0.
    static constexpr int agents = 128, barrier = 126, pending = 127;
    u32 at[agents];

    void join(const VectorClock &other) {
        for (int i = 0; i < agents; i++)
            at[i] = at[i] > other.at[i] ? at[i] : other.at[i];
    }
};

/// A copy of 16 bytes that a thread has started.
struct PendingCopy {
    u32 shared;
    const void *global; ///< NULL: zeros
};

struct Lane {
    Identity identity;
    Warp *warp;
    int number; ///< in the warp
    Fiber fiber;
    const char *waits_for = nullptr; ///< the word it waits in
    Place place = {nullptr, 0};      ///< of the last word it called
    std::vector<PendingCopy> copies; ///< in the order of their start
    std::vector<size_t> groups;      ///< where in `copies` each closed group ends
    size_t landed = 0;               ///< copies, from the front
    std::vector<u32> fences;         ///< the warp's clock at each proxy_fence
    u32 store_groups = 0;            ///< committed groups of tensor stores
};

using WarpOperation = void (*)(Warp &warp);

struct Warp {
    Block *block;
    int number;
    u32 ready;     ///< lanes that can run
    u32 unstarted; ///< of those, the ones that have not begun
    u32 ended;
    int next;         ///< the lane to go on with
    u64 asleep_until; ///< the block's time
    Lane lanes[lanes_per_warp];
    // The collective word that lanes are arriving at.
    u32 arrived;
    WarpOperation operation;
    const char *word;
    Place place;
    void *payload[lanes_per_warp];

    VectorClock clock;
    u32 &own_clock() { return clock.at[number]; }
};

/// For each 4-byte word of shared memory who touched it last.
struct Shadow {
    size_t words; ///< from address 0 on
    u32 *written; ///< clock << 7 | agent of the last write
    u16 *writer;  ///< the thread
    u16 *fences;  ///< how many proxy fences it had made then
    u32 *read;    ///< [warps and their groups][word]: the agent's clock at its last read

    u32 *read_by(int agent) const {
        return read + (size_t)(agent < most_warps ? agent : warps + agent - most_warps - most_barriers) * words;
    }
    int warps;
};

struct Block {
    Worker *worker;
    int index[3];
    int thread_count, warp_count;
    u64 random;
    bool stopped;

    u32 shared_start, shared_end; ///< addresses
    u8 *shared;                   ///< the byte of address 0
    Shadow shadow;
    u32 first_clock; ///< what is not newer belongs to an earlier block

    int barrier_arrived;
    VectorClock barrier_clock;
    u64 time; ///< advances with every warp that gets its turn
    Asynchrony *asynchrony;

    Warp *warps;

    u32 next_random() {
        random = random * 6364136223846793005ull + 1442695040888963407ull;
        return (u32)(random >> 33);
    }
};

/// A stack for handlers of signals, for a CPU thread whose own may be full.
class SignalStack {
  public:
    SignalStack();
    ~SignalStack();
    void install();
    void uninstall();

  private:
    static constexpr size_t bytes = 64 << 10;
    void *memory;
    stack_t outer;
};

/// What a CPU thread keeps from launch to launch.
struct Worker {
    Launch *launch;
    Fiber scheduler;
    Stacks stacks;
    SignalStack signal_stack;
    Block block;
    std::unique_ptr<Asynchrony> asynchrony;
    std::vector<Warp> warps;
    emulation_counters counters;
    char *memory = nullptr; ///< of shared memory and its shadow
    size_t memory_bytes = 0;
    u32 last_clock = 0;

    Worker();
    ~Worker();
    void run_blocks();
    void run_block(unsigned index);
    /// Room for a block with this much shared memory.
    void prepare_shared_memory(size_t bytes, int warps);
};

struct Kernel {
    const char *name;
    u64 argument_bytes, argument_alignment;
    int threads, blocks;
    void (*run)(const void *arguments);
};

struct Violation {
    std::string key, text;
    u64 count;
};

struct Launch {
    const Kernel *kernel;
    const void *arguments;
    unsigned grid[3];
    unsigned threads;
    size_t shared_bytes;
    u64 seed;
    const emulation_site *plant;
    bool lists_sites;
    std::atomic<unsigned> next_block;
    unsigned block_count;

    std::mutex mutex;
    std::vector<Violation> violations;
    std::vector<emulation_site> sites;
    std::vector<const void *> faults; ///< addresses outside every array
    std::atomic<bool> stopped;        ///< so many violations that going on tells nothing new
    emulation_counters counters;
};

/// The thread that runs; NULL outside launches.
extern constinit thread_local Lane *current;

inline Warp &current_warp() { return *current->warp; }
inline Block &current_block() { return *current->warp->block; }

// ---- Reporting

/// Reports for the current thread, or for `lane`. Returns, for the kernel to go on as a GPU would.
/// Violations of one word in one line that are the same `what` are one.
void violation(const char *word, Place place, const char *what, const std::string &detail = "");
void violation(const Lane &lane, const char *word, Place place, const char *what, const std::string &detail = "");
/// After this the block cannot go on.
[[noreturn]] void stop_block();
std::string text(const char *format, ...) __attribute__((format(printf, 1, 2)));

/// Whether the word is to go wrong here, in the way that `fault` names: tests plant faults.
bool watch(const char *word, Place place, const char *fault);
inline bool planted(const char *word, Place place, const char *fault = "skip") {
    const Launch &launch = *current_block().worker->launch;
    return (launch.plant || launch.lists_sites) && watch(word, place, fault);
}

/// From here on what a kernel's thread may not do ends its block.
void catch_faults();
// ---- Scheduling

/// Leaves the current thread, which waits, until somebody makes it ready.
void wait(const char *word);
/// Leaves the current thread, which stays ready, to let other warps run.
void yield();
/// Meets the other lanes of the warp; the last to come executes `operation` once for all.
void meet(const char *word, WarpOperation operation, void *payload, Place place);
/// Lets the warp sleep for a random time, after which it goes on with the current lane.
void doze();

// ---- Shared memory

/// Whether the range is inside shared memory and aligned; reports if not.
bool check_range(const Lane &lane, u32 address, u32 bytes, u32 alignment, const char *word, const Place &place);
/// Reports what is wrong about this read or write at this moment, and remembers it. The range must be inside.
/// `by_warp`: what is read goes to all lanes. `from`: what is written.
void note_read(const Lane &lane, u32 address, u32 bytes, bool by_warp, const char *word, const Place &place);
void note_write(const Lane &lane, u32 address, u32 bytes, const void *from, const char *word, const Place &place);

// What Shadow::written holds.
constexpr int agent_bits = 7;
inline u32 stamp(u32 clock, int agent) { return clock << agent_bits | (u32)agent; }
inline u32 agent_of(u32 written) { return written & ((1u << agent_bits) - 1); }
inline u32 clock_of(u32 written) { return written >> agent_bits; }
/// Of the latest writes, for a range that is inside.
void set_written(Block &block, u32 address, u32 bytes, u32 written, int thread);
std::string where(const Block &block, u32 address);

} // namespace emulation
