// Products of warpgroups (PTX manual, "Asynchronous warpgroup level matrix instructions").
//
// A product is computed when the first of its four warps waits for it, as late as it may: until then its operands in
// shared memory must stay. Each warp's accumulator holds a pattern instead of numbers until the warp itself has waited.

#include "asynchrony.h"
#include "product.h"
#include "words_sm90.h"

#include <algorithm>
#include <string.h>

namespace emulation {

namespace {

/// A NaN; what an accumulator's registers hold while a product on it is under way.
constexpr u32 pattern = 0x7fedbad1;
/// One of so many waits finds its warp late.
constexpr u32 late = 4;

// ---- Operands in shared memory

struct Descriptor {
    u32 start, leading, stride; ///< bytes
    int swizzle_bits;           ///< 0 for the layouts that are not emulated
    u32 row_bytes;

    explicit Descriptor(u64 bits)
        : start((u32)(bits & 0x3fff) << 4), leading((u32)(bits >> 16 & 0x3fff) << 4),
          stride((u32)(bits >> 32 & 0x3fff) << 4), swizzle_bits(bits >> 62 == 1   ? 3
                                                                : bits >> 62 == 2 ? 2
                                                                                  : 0),
          row_bytes(16u << swizzle_bits) {}

    /// Eight elements along the summed dimension, from 8 · half on, of a row.
    u32 along_k(int row, int half) const {
        u32 address = start + (u32)(row / 8) * stride + (u32)(row % 8) * row_bytes + (u32)half * 16;
        return swizzled(address, swizzle_bits);
    }
    /// Eight elements along the other dimension, from `column` on, for a place in the summed dimension.
    u32 across_k(int k, int column) const {
        int per_row = (int)row_bytes / 2;
        u32 address = start + (u32)(column / per_row) * leading + (u32)(k / 8) * stride + (u32)(k % 8) * row_bytes +
                      (u32)(column % per_row) * 2;
        return swizzled(address, swizzle_bits);
    }
};

/// Calls use(address) for every 16 bytes of the right operand.
template <typename Use> void each_piece_of_b(const GroupProduct &product, Use use) {
    Descriptor b(product.b);
    if (product.transpose_b) {
        for (int k = 0; k < 16; k++)
            for (int column = 0; column < product.n; column += 8)
                use(b.across_k(k, column));
    } else {
        for (int row = 0; row < product.n; row++)
            for (int half = 0; half < 2; half++)
                use(b.along_k(row, half));
    }
}

/// The same for a warp's rows of the left one.
template <typename Use> void each_piece_of_a(const GroupProduct &product, int warp, Use use) {
    Descriptor a(product.a);
    for (int row = 0; row < 16; row++)
        for (int half = 0; half < 2; half++)
            use(a.along_k(warp % warps_per_group * 16 + row, half));
}

void read_a(const Block &block, const GroupProduct &product, int warp, float (&a)[16][16]) {
    Descriptor descriptor(product.a);
    for (int row = 0; row < 16; row++)
        for (int half = 0; half < 2; half++) {
            u16 piece[8];
            memcpy(piece, block.shared + descriptor.along_k(warp % warps_per_group * 16 + row, half), 16);
            for (int i = 0; i < 8; i++)
                a[row][half * 8 + i] = float_of_bf16(piece[i]);
        }
}

/// [16, n]
std::vector<float> read_b(const Block &block, const GroupProduct &product) {
    std::vector<float> values((size_t)(16 * product.n));
    Descriptor b(product.b);
    u16 piece[8];
    if (product.transpose_b) {
        for (int k = 0; k < 16; k++)
            for (int column = 0; column < product.n; column += 8) {
                memcpy(piece, block.shared + b.across_k(k, column), 16);
                for (int i = 0; i < 8; i++)
                    values[(size_t)(k * product.n + column + i)] = float_of_bf16(piece[i]);
            }
    } else {
        for (int row = 0; row < product.n; row++)
            for (int half = 0; half < 2; half++) {
                memcpy(piece, block.shared + b.along_k(row, half), 16);
                for (int i = 0; i < 8; i++)
                    values[(size_t)((half * 8 + i) * product.n + row)] = float_of_bf16(piece[i]);
            }
    }
    return values;
}

// ---- Accumulators: a thread's element i lies in row lane / 4 + 8 (i / 2 % 2), column 8 (i / 4) + 2 (lane % 4) + i % 2

int element(int lane, int i, int n) { return (lane / 4 + 8 * (i / 2 % 2)) * n + i / 4 * 8 + lane % 4 * 2 + i % 2; }

// A kernel whose wait was spoilt may have left the scope of its accumulator, which is its mistake and not ours: these
// two touch the thread's stack unseen by AddressSanitizer.
#define ON_A_THREADS_STACK __attribute__((no_sanitize("address")))

ON_A_THREADS_STACK void take_over(Accumulator &accumulator, bool with_values) {
    for (int lane = 0; lane < lanes_per_warp; lane++)
        for (int i = 0; i < accumulator.n / 2; i++) {
            if (with_values)
                accumulator.values[(size_t)element(lane, i, accumulator.n)] = accumulator.lanes[lane][i];
            accumulator.lanes[lane][i] = __builtin_bit_cast(float, pattern);
        }
}

/// Returns false if somebody wrote to it meanwhile.
ON_A_THREADS_STACK bool hand_back(Accumulator &accumulator) {
    bool untouched = true;
    for (int lane = 0; lane < lanes_per_warp; lane++)
        for (int i = 0; i < accumulator.n / 2; i++) {
            float &x = accumulator.lanes[lane][i];
            untouched = untouched && __builtin_bit_cast(u32, x) == pattern;
            x = accumulator.values[(size_t)element(lane, i, accumulator.n)];
        }
    return untouched;
}

// ---- Issuing

struct Issue {
    float *d;
    const u32 *fragments;
    int n;
    u64 a, b;
    bool transpose_b, accumulate;
};

/// The warp's accumulator in these registers, taken over if no product is under way on it.
Accumulator &accumulator_of(Warp &warp, WarpProducts &own, const Issue &issue) {
    auto found = std::find_if(own.accumulators.begin(), own.accumulators.end(),
                              [&](const Accumulator &known) { return known.lanes[0] == issue.d; });
    if (found == own.accumulators.end()) {
        own.accumulators.emplace_back();
        found = own.accumulators.end() - 1;
        found->pending = 0;
    }
    Accumulator &accumulator = *found;
    if (!accumulator.pending) {
        for (int lane = 0; lane < lanes_per_warp; lane++)
            accumulator.lanes[lane] = ((const Issue *)warp.payload[lane])->d;
        accumulator.n = issue.n;
        accumulator.values.resize((size_t)(16 * issue.n));
        take_over(accumulator, issue.accumulate);
    } else if (accumulator.n != issue.n) {
        violation(warp.word, warp.place, "a product of another shape is under way on its accumulator");
        stop_block();
    }
    accumulator.pending++;
    return accumulator;
}

bool same(const GroupProduct &a, const GroupProduct &b) {
    return a.n == b.n && a.b == b.b && a.from_registers == b.from_registers && (a.from_registers || a.a == b.a) &&
           a.transpose_b == b.transpose_b && a.accumulate == b.accumulate && a.place.line == b.place.line;
}

/// Reports what is wrong about operands; false if they cannot be read at all.
bool check_operands(Warp &warp, const GroupProduct &product, u64 number) {
    Block &block = *warp.block;
    const Lane &lane = warp.lanes[0];
    if (!Descriptor(product.b).swizzle_bits || (!product.from_registers && !Descriptor(product.a).swizzle_bits)) {
        violation(lane, warp.word, warp.place, "only the layouts of 128 and 64 bytes a row, swizzled, are emulated");
        return false;
    }
    if ((product.b | (product.from_registers ? 0 : product.a)) >> 49 & 7)
        violation(lane, warp.word, warp.place, "operands must begin where the pattern of the swizzle does");
    u32 lowest[2] = {~0u, ~0u}, highest[2] = {0, 0};
    bool inside = true;
    auto check = [&](int operand, u32 address) {
        if (!inside || !check_range(lane, address, 16, 16, warp.word, warp.place)) {
            inside = false;
            return;
        }
        check_asynchronous_read(lane, address, 16, warp.word, warp.place);
        lowest[operand] = std::min(lowest[operand], address);
        highest[operand] = std::max(highest[operand], address + 16);
    };
    if (!product.from_registers)
        each_piece_of_a(product, warp.number, [&](u32 address) { check(0, address); });
    each_piece_of_b(product, [&](u32 address) { check(1, address); });
    for (int operand = 0; operand < 2 && inside; operand++)
        if (highest[operand])
            block.asynchrony->reads.push_back(
                {lowest[operand], highest[operand], -warpgroup_agent(warp.number), number, warp.word, warp.place});
    return inside;
}

void take_fragments(const Warp &warp, float (&a)[16][16]) {
    for (int lane = 0; lane < lanes_per_warp; lane++)
        for (int i = 0; i < 4; i++) {
            u32 pair = ((const Issue *)warp.payload[lane])->fragments[i];
            float *to = &a[lane / 4 + 8 * (i % 2)][lane % 4 * 2 + 8 * (i / 2)];
            to[0] = float_of_bf16((u16)pair);
            to[1] = float_of_bf16((u16)(pair >> 16));
        }
}

void issue_product(Warp &warp) {
    Block &block = *warp.block;
    Asynchrony &asynchrony = *block.asynchrony;
    WarpProducts &own = asynchrony.products[warp.number];
    Warpgroup &group = asynchrony.groups[warp.number / warps_per_group];
    asynchrony.used = true;
    const Issue &first = *(const Issue *)warp.payload[0];
    for (void *payload : warp.payload) {
        const Issue &other = *(const Issue *)payload;
        if (other.a != first.a || other.b != first.b || other.n != first.n || other.accumulate != first.accumulate)
            violation(warp.word, warp.place, "lanes of one warp have different operands");
    }
    if (!own.fenced)
        violation(warp.word, warp.place, "no warpgroup_fence since registers could be used");
    GroupProduct product = {first.n,           first.a,          first.b,   first.fragments != nullptr,
                            first.transpose_b, first.accumulate, warp.place};
    if (planted(warp.word, warp.place, "stride"))
        product.b ^= (u64)64 << (first.transpose_b && first.n > 64 ? 16 : 32);
    if (planted(warp.word, warp.place, "swizzle"))
        product.b ^= (u64)3 << 62; // 128 bytes become 64, and the other way round
    u64 number = own.issued++;
    if (number == group.computed + group.products.size()) {
        block.worker->counters.warpgroup_products++;
        group.products.push_back(product);
    } else if (!same(product, group.products[number - group.computed])) {
        violation(warp.word, warp.place, "warps of one warpgroup issue different products");
        stop_block();
    }
    if (!check_operands(warp, product, number))
        stop_block();
    own.under_way.emplace_back();
    WarpProduct &issued = own.under_way.back();
    issued.number = number;
    issued.accumulator = &accumulator_of(warp, own, first);
    if (first.fragments)
        take_fragments(warp, issued.a);
    own.open++;
    // The others of the warpgroup may have waited for this warp.
    for (int w = warp.number / warps_per_group * warps_per_group, end = w + warps_per_group; w < end; w++) {
        block.warps[w].ready |= asynchrony.products[w].waiting;
        asynchrony.products[w].waiting = 0;
    }
}

// ---- Waiting

/// A product goes on only when all four warps have issued it.
bool all_have_issued(const Block &block, int warp, u64 count) {
    int first = warp / warps_per_group * warps_per_group;
    for (int w = first; w < first + warps_per_group; w++)
        if (block.asynchrony->products[w].issued < count)
            return false;
    return true;
}

struct Wait {
    int groups;
    size_t finishing; ///< products
};

void begin_wait(Warp &warp) {
    WarpProducts &own = warp.block->asynchrony->products[warp.number];
    size_t staying = own.open;
    int groups = ((const Wait *)warp.payload[0])->groups;
    for (size_t i = 0; i < own.groups.size() && i < (size_t)groups; i++)
        staying += own.groups[own.groups.size() - 1 - i];
    size_t finishing = own.under_way.size() - staying;
    for (void *payload : warp.payload)
        ((Wait *)payload)->finishing = finishing;
    own.awaited = finishing ? own.under_way[finishing - 1].number + 1 : 0;
    if (own.groups.size() > (size_t)groups)
        own.groups.erase(own.groups.begin(), own.groups.end() - groups);
}

/// The next product of the warpgroup, all of its warps' rows.
void compute_next(Block &block, int first_warp) {
    Warpgroup &group = block.asynchrony->groups[first_warp / warps_per_group];
    const GroupProduct &product = group.products.front();
    u64 number = group.computed;
    int agent = warpgroup_agent(first_warp);
    u32 clock = block.first_clock + (u32)number + 1;
    auto note = [&](u32 address) { note_asynchronous_read(block, agent, clock, address, 16); };
    std::vector<float> b = read_b(block, product);
    each_piece_of_b(product, note);
    for (int w = first_warp; w < first_warp + warps_per_group; w++) {
        WarpProducts &own = block.asynchrony->products[w];
        WarpProduct &part = own.under_way[number - own.under_way.front().number];
        if (!product.from_registers) {
            read_a(block, product, w, part.a);
            each_piece_of_a(product, w, note);
        }
        std::vector<float> &sums = part.accumulator->values;
        if (!product.accumulate)
            std::fill(sums.begin(), sums.end(), 0.f);
        add_product(sums.data(), &part.a[0][0], b.data(), 16, product.n);
    }
    end_asynchronous_reads(block, -agent, number);
    group.products.pop_front();
    group.computed++;
}

void end_wait(Warp &warp) {
    Block &block = *warp.block;
    WarpProducts &own = block.asynchrony->products[warp.number];
    Warpgroup &group = block.asynchrony->groups[warp.number / warps_per_group];
    while (group.computed < own.awaited)
        compute_next(block, warp.number / warps_per_group * warps_per_group);
    size_t finishing = ((const Wait *)warp.payload[0])->finishing;
    for (size_t i = 0; i < finishing; i++) {
        Accumulator &accumulator = *own.under_way.front().accumulator;
        own.under_way.pop_front();
        if (!--accumulator.pending && !hand_back(accumulator))
            violation(warp.word, warp.place, "an accumulator was written while a product on it was under way");
    }
    u32 &seen = warp.clock.at[warpgroup_agent(warp.number)];
    seen = std::max(seen, block.first_clock + (u32)own.awaited);
    own.fenced = false;
}

} // namespace

void warpgroup_multiply(float *d, int n, const u32 *fragments, u64 a, u64 b, bool transpose_b, bool accumulate,
                        Place place) {
    Issue issue = {d, fragments, n, a, b, transpose_b, accumulate};
    meet("warpgroup_multiply", issue_product, &issue, place);
}

void warpgroup_fence(Place place) {
    if (planted("warpgroup_fence", place))
        return;
    meet(
        "warpgroup_fence", [](Warp &warp) { warp.block->asynchrony->products[warp.number].fenced = true; }, nullptr,
        place);
}

void warpgroup_commit(Place place) {
    if (planted("warpgroup_commit", place))
        return;
    meet(
        "warpgroup_commit",
        [](Warp &warp) {
            WarpProducts &own = warp.block->asynchrony->products[warp.number];
            own.groups.push_back(own.open);
            own.open = 0;
        },
        nullptr, place);
}

void warpgroup_wait(int groups, Place place) {
    if (planted("warpgroup_wait", place))
        return;
    groups += planted("warpgroup_wait", place, "one group less");
    Wait own = {groups, 0};
    meet("warpgroup_wait", begin_wait, &own, place);
    Block &block = current_block();
    if (own.finishing && current->number == 0 && block.next_random() % late == 0)
        doze();
    WarpProducts &products = block.asynchrony->products[current_warp().number];
    while (!all_have_issued(block, current_warp().number, products.awaited)) {
        products.waiting |= 1u << current->number;
        wait("warpgroup_wait");
    }
    meet("warpgroup_wait", end_wait, &own, place);
}

} // namespace emulation
