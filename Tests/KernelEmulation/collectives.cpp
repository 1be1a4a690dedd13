// Words in which the threads of a warp or of a block meet. Fragment layouts as in the PTX manual, "Warp-level matrix
// instructions": lane l stands for row l / 4 and columns 2 (l % 4), 2 (l % 4) + 1 of each 8 × 8 tile.

#include "machine.h"
#include "product.h"
#include "words_sm90.h"

#include <math.h>
#include <string.h>

namespace emulation {

void block_barrier(Place place) {
    Lane &lane = *current;
    Warp &warp = *lane.warp;
    Block &block = *warp.block;
    lane.place = place;
    if (planted("block_barrier", place))
        return;
    if (warp.arrived) {
        violation("block_barrier", place, "lanes of one warp diverge",
                  text("others are in %s at line %d", warp.word, warp.place.line));
        stop_block();
    }
    if (++block.barrier_arrived < block.thread_count) {
        wait("block_barrier");
        return;
    }
    block.barrier_arrived = 0;
    block.worker->counters.block_barriers++;
    for (int w = 0; w < block.warp_count; w++)
        block.barrier_clock.join(block.warps[w].clock);
    for (int w = 0; w < block.warp_count; w++) {
        block.warps[w].clock = block.barrier_clock;
        block.warps[w].own_clock()++;
        block.warps[w].ready = all_lanes;
    }
    if (block.next_random() % 2)
        yield(); // or the last to come would always go first
}

void warp_barrier(Place place) {
    if (planted("warp_barrier", place))
        return;
    meet(
        "warp_barrier", [](Warp &warp) { warp.own_clock()++; }, nullptr, place);
}

// ---- Shuffles

namespace {

struct Shuffle {
    u32 value;
    int argument;
    u32 result;
};

void exchange_xor(Warp &warp) {
    warp.block->worker->counters.shuffles++;
    for (int l = 0; l < lanes_per_warp; l++) {
        Shuffle &own = *(Shuffle *)warp.payload[l];
        own.result = ((Shuffle *)warp.payload[(l ^ own.argument) % lanes_per_warp])->value;
    }
}

void exchange_from(Warp &warp) {
    warp.block->worker->counters.shuffles++;
    for (int l = 0; l < lanes_per_warp; l++) {
        Shuffle &own = *(Shuffle *)warp.payload[l];
        own.result = ((Shuffle *)warp.payload[own.argument & (lanes_per_warp - 1)])->value;
    }
}

} // namespace

u32 shuffle_xor(u32 x, int mask, Place place) {
    Shuffle shuffle = {x, mask, 0};
    meet("shuffle_xor", exchange_xor, &shuffle, place);
    return shuffle.result;
}

bool warp_any(bool x, Place place) {
    Shuffle shuffle = {x, 0, 0};
    meet(
        "warp_any",
        [](Warp &warp) {
            u32 any = 0;
            for (void *own : warp.payload)
                any |= ((Shuffle *)own)->value;
            for (void *own : warp.payload)
                ((Shuffle *)own)->result = any;
        },
        &shuffle, place);
    return shuffle.result;
}

u32 shuffle_from(u32 x, int lane, Place place) {
    Shuffle shuffle = {x, lane, 0};
    meet("shuffle_from", exchange_from, &shuffle, place);
    return shuffle.result;
}

// ---- Matrices

namespace {

struct MatrixAccess {
    u32 *r;
    u32 address;
};

/// The passes beyond one a matrix that the rows' clashes in banks cost.
u64 bank_conflicts(const Warp &warp) {
    u64 extra = 0;
    for (int matrix = 0; matrix < 4; matrix++) {
        u64 uses = 0; // of each of the eight groups of four banks, a byte each
        u64 most = 0;
        for (int i = matrix * 8; i < matrix * 8 + 8; i++) {
            unsigned shift = ((MatrixAccess *)warp.payload[i])->address / 16 % 8 * 8;
            uses += 1ull << shift;
            u64 used = uses >> shift & 0xff;
            most = used > most ? used : most;
        }
        extra += most - 1;
    }
    return extra;
}

/// Four times eight rows of 16 bytes.
void read_rows(Warp &warp, u16 (&rows)[32][8]) {
    emulation_counters &counters = warp.block->worker->counters;
    counters.matrix_loads++;
    counters.bank_conflicts += bank_conflicts(warp);
    for (int i = 0; i < lanes_per_warp; i++) {
        const Lane &lane = warp.lanes[i];
        u32 address = ((MatrixAccess *)warp.payload[i])->address;
        if (!check_range(lane, address, 16, 16, warp.word, warp.place)) {
            memset(rows[i], 0xff, 16);
            continue;
        }
        note_read(lane, address, 16, true, warp.word, warp.place);
        memcpy(rows[i], warp.block->shared + address, 16);
    }
}

void load(Warp &warp) {
    u16 rows[32][8];
    read_rows(warp, rows);
    for (int l = 0; l < lanes_per_warp; l++)
        for (int matrix = 0; matrix < 4; matrix++) {
            const u16 *pair = &rows[matrix * 8 + l / 4][l % 4 * 2];
            ((MatrixAccess *)warp.payload[l])->r[matrix] = pair[0] | (u32)pair[1] << 16;
        }
}

void load_transposed(Warp &warp) {
    u16 rows[32][8];
    read_rows(warp, rows);
    for (int l = 0; l < lanes_per_warp; l++)
        for (int matrix = 0; matrix < 4; matrix++) {
            const u16(*tile)[8] = &rows[matrix * 8];
            ((MatrixAccess *)warp.payload[l])->r[matrix] = tile[l % 4 * 2][l / 4] | (u32)tile[l % 4 * 2 + 1][l / 4]
                                                                                        << 16;
        }
}

void store(Warp &warp) {
    emulation_counters &counters = warp.block->worker->counters;
    counters.matrix_stores++;
    counters.bank_conflicts += bank_conflicts(warp);
    for (int i = 0; i < lanes_per_warp; i++) {
        const Lane &lane = warp.lanes[i];
        u32 address = ((MatrixAccess *)warp.payload[i])->address;
        if (!check_range(lane, address, 16, 16, warp.word, warp.place))
            continue;
        u32 row[4];
        for (int t = 0; t < 4; t++)
            row[t] = ((MatrixAccess *)warp.payload[i % 8 * 4 + t])->r[i / 8];
        note_write(lane, address, 16, row, warp.word, warp.place);
        memcpy(warp.block->shared + address, row, 16);
    }
}

struct Multiplication {
    float *d;
    const u32 *a;
    u32 b0, b1;
};

/// Two bf16 as two neighbouring floats.
void widen(float *to, u32 pair) {
    u64 both = (u64)(pair & 0xffff0000u) << 32 | pair << 16;
    memcpy(to, &both, sizeof both);
}

void multiply(Warp &warp) {
    alignas(64) float a[16][16], b[16][8], d[16][8];
    warp.block->worker->counters.multiplications++;
    for (int l = 0; l < lanes_per_warp; l++) {
        const Multiplication &own = *(Multiplication *)warp.payload[l];
        int row = l / 4, column = l % 4 * 2;
        widen(&a[row][column], own.a[0]);
        widen(&a[row + 8][column], own.a[1]);
        widen(&a[row][column + 8], own.a[2]);
        widen(&a[row + 8][column + 8], own.a[3]);
        float pair[2];
        widen(pair, own.b0);
        b[column][row] = pair[0];
        b[column + 1][row] = pair[1];
        widen(pair, own.b1);
        b[column + 8][row] = pair[0];
        b[column + 9][row] = pair[1];
        memcpy(&d[row][column], own.d, 8);
        memcpy(&d[row + 8][column], own.d + 2, 8);
    }
    add_product(&d[0][0], &a[0][0], &b[0][0], 16, 8);
    for (int l = 0; l < lanes_per_warp; l++) {
        float *own = ((Multiplication *)warp.payload[l])->d;
        memcpy(own, &d[l / 4][l % 4 * 2], 8);
        memcpy(own + 2, &d[l / 4 + 8][l % 4 * 2], 8);
    }
}

} // namespace

void load_matrices(u32 *r, u32 address, bool transposed, Place place) {
    MatrixAccess access = {r, address};
    if (transposed)
        meet("load_matrices_transposed", load_transposed, &access, place);
    else
        meet("load_matrices", load, &access, place);
}

void store_matrices(u32 address, const u32 *r, Place place) {
    MatrixAccess access = {const_cast<u32 *>(r), address};
    meet("store_matrices", store, &access, place);
}

void multiply_add(float *d, const u32 *a, u32 b0, u32 b1, Place place) {
    Multiplication multiplication = {d, a, b0, b1};
    meet("multiply_add", multiply, &multiplication, place);
}

// ---- Half precision

float float_of_half(u16 bits) {
    _Float16 x;
    memcpy(&x, &bits, 2);
    return (float)x;
}

u16 half_of_float(float x) {
    _Float16 rounded = (_Float16)x;
    u16 bits;
    memcpy(&bits, &rounded, 2);
    return x != x ? 0x7fff : bits;
}

} // namespace emulation
