// The functions behind the further words of sm_90.
#pragma once

#include "words.h"

namespace emulation {

// ---- Barriers

void barrier_init(u32 barrier, u32 arrivals, Place place);
void barrier_init_fence(Place place);
void barrier_arrive(u32 barrier, Place place);
void barrier_arrive_expect(u32 barrier, u32 bytes, Place place);
bool barrier_try(u32 barrier, u32 parity, Place place);
void barrier_wait(u32 barrier, u32 parity, Place place);
void named_barrier_sync(int id, int threads, Place place);
void named_barrier_arrive(int id, int threads, Place place);

// ---- Bulk tensor copies

void tensor_load(u32 shared, const ck_tensor_map *map, u32 barrier, const int *at, int rank, Place place);
/// `word`: tensor_store, or tensor_add.
void tensor_store(const char *word, const ck_tensor_map *map, u32 shared, const int *at, int rank, Place place);
void tensor_store_commit(Place place);
/// `word`: tensor_store_wait or tensor_store_wait_read.
void tensor_store_wait(const char *word, int groups, Place place);
void tensor_prefetch(const ck_tensor_map *map, int rank, Place place);
void proxy_fence(Place place);

// ---- Warpgroups

void registers_change(int registers, bool increase, Place place);
void warpgroup_fence(Place place);
void warpgroup_commit(Place place);
void warpgroup_wait(int groups, Place place);
/// d [64, n] = (accumulate ? d : 0) + a [64, 16] · b [16, n]; `fragments` NULL: a is the descriptor.
void warpgroup_multiply(float *d, int n, const u32 *fragments, u64 a, u64 b, bool transpose_b, bool accumulate,
                        Place place);
void store_matrices(u32 address, const u32 *r, Place place);

} // namespace emulation
