// What goes on beside the threads of a block on sm_90: barriers in shared memory, the copy engine, products of
// warpgroups.
#pragma once

#include "machine.h"

#include <deque>

namespace emulation {

constexpr int named_barriers = 16;
constexpr int most_groups = most_warps / warps_per_group;

/// An mbarrier. As an agent its clock counts phases: what copies write in phase p is seen by who waited for phase p.
struct SharedBarrier {
    u32 address;
    int agent;
    u32 arrivals;    ///< of a phase
    int missing;     ///< of the current phase
    long long bytes; ///< announced and not yet brought
    u32 phase;
    int init_warp;
    u32 init_clock, fence_clock; ///< of that warp; 0: no fence yet
    int init_thread;
    VectorClock released; ///< by the arrivals up to now
    VectorClock visible;  ///< to those who wait for the last phase that ended
    u32 waiting[most_warps];
};

struct NamedBarrier {
    int arrived, threads;
    u32 came[most_warps];
    u32 waiting[most_warps];
    VectorClock clock;
};

/// What cuTensorMapEncodeTiled is emulated to write.
struct TensorMap {
    static constexpr u64 written = 0x70616d20736f7274ull;
    u64 magic;
    u64 base;
    u64 extents[5]; ///< elements
    u64 strides[4]; ///< bytes, of all dimensions but the first
    u16 box[5];
    u8 rank, element_bytes;
    u8 swizzle_bits; ///< of the address: 3 for rows of 128 bytes
};
static_assert(sizeof(TensorMap) <= sizeof(ck_tensor_map));

/// Which elements of an array a copy touches, and which shared memory.
struct TensorBox {
    const TensorMap *map;
    u32 shared, bytes;
    int at[5];
};

struct TensorLoad {
    TensorBox box;
    int barrier;
    u32 phase;
    int thread;
    Place place;
    u64 due;
};

struct TensorStore {
    TensorBox box;
    int thread;
    u32 group; ///< number among the thread's
    bool adds;
    const char *word;
    Place place;
};

/// Shared memory that something still reads; ends when its reader is waited for.
struct AsynchronousRead {
    u32 begin, end;
    int reader; ///< the thread of a store; the agent of a warpgroup, negative
    u64 number; ///< of the group or product
    const char *word;
    Place place;
};

/// The accumulator of one warp, 16 rows, while products on it are under way. The threads' own registers hold a
/// pattern until then.
struct Accumulator {
    float *lanes[lanes_per_warp];
    int n;
    int pending;               ///< products
    std::vector<float> values; ///< [16, n]
};

/// A warp's part of a product.
struct WarpProduct {
    u64 number;
    Accumulator *accumulator;
    float a[16][16]; ///< if from registers
};

/// A product as its warpgroup issues it.
struct GroupProduct {
    int n;
    u64 a, b;
    bool from_registers, transpose_b, accumulate;
    Place place;
};

struct WarpProducts {
    std::deque<WarpProduct> under_way;
    std::deque<size_t> groups; ///< how many products each committed group has
    size_t open = 0;           ///< products not committed
    std::deque<Accumulator> accumulators;
    u64 issued = 0;
    u64 awaited = 0; ///< its wait is for all warps of the group to have issued so many
    u32 waiting = 0; ///< the lanes that have found it not so
    bool fenced = false;
    int registers = 0;
    int wanted_registers = 0;
};

struct Warpgroup {
    u64 computed = 0;                  ///< how many products have been
    std::deque<GroupProduct> products; ///< the ones after
};

/// As an agent a warpgroup reads for its products; who has waited for a product has seen its reads.
inline int warpgroup_agent(int warp) { return most_warps + most_barriers + warp / warps_per_group; }

struct Asynchrony {
    std::vector<SharedBarrier> barriers;
    NamedBarrier named[named_barriers];
    std::vector<TensorLoad> loads;
    std::vector<TensorStore> stores;
    std::vector<AsynchronousRead> reads;
    WarpProducts products[most_warps];
    Warpgroup groups[most_groups];
    int free_registers; ///< of the block
    u64 fruitless_tries;
    bool used = true; ///< anything of the above, since the last reset

    void reset(const Block &block);
};

/// To be called when something has arrived.
void end_phase_if_complete(Block &block, SharedBarrier &barrier);
/// Lets loads land that are due; returns when the next one is, or 0.
u64 land_tensor_loads(Block &block);
/// Reports what is left undone when the block has ended.
void check_end_of_block(const Block &block);
/// Reports if something still reads this shared memory asynchronously.
void check_unread(const Lane &lane, u32 address, u32 bytes, const char *word, const Place &place);
/// Reports if copy engine or tensor cores must not read this yet: not written, not seen by this lane's warp, not
/// fenced.
void check_asynchronous_read(const Lane &lane, u32 address, u32 bytes, const char *word, const Place &place);
/// This reader's reads with numbers up to this one are over.
void end_asynchronous_reads(Block &block, int reader, u64 number);
/// Remembers a read that is over.
void note_asynchronous_read(const Block &block, int agent, u32 clock, u32 address, u32 bytes);
/// Reports what a lane that ends has not waited for.
void check_end_of_lane(const Lane &lane);
/// The 128-byte swizzle and its narrower kin: which 16 bytes of a row are exchanged depends on the row.
inline u32 swizzled(u32 address, int bits) { return address ^ (address >> 7 & ((1u << bits) - 1)) << 4; }

} // namespace emulation
