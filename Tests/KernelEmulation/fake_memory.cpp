// libcuda: memory of the GPU, pinned memory of the host, copies.
//
// Lifetimes are checked twice. When work is queued, by vector clocks: its memory must have been allocated before and be
// freed after, on the same stream or through events, whatever order the queues happen to run in. When it runs, by the
// allocation's state and by the pages, which are open only from the allocation's turn to the free's.

#include "fake_machine.h"

#include <algorithm>
#include <cstring>
#include <sys/mman.h>
#include <unistd.h>

namespace fake {

namespace {

constexpr size_t granule = 512; ///< of addresses and of the pool's accounts
constexpr int poison = 0xff;    ///< NaN in every float format, -1 as an integer
constexpr size_t poison_most = size_t(64) << 20;

size_t round_up(size_t x, size_t unit) { return (x + unit - 1) / unit * unit; }

const double host_copy_bytes = 25e6;    ///< a millisecond
const double device_copy_bytes = 1.5e9; ///< a millisecond

/// All of a small array, both ends of a large one.
void fill(char *memory, size_t bytes) {
    if (bytes <= poison_most) {
        memset(memory, poison, bytes);
    } else {
        memset(memory, poison, poison_most / 2);
        memset(memory + bytes - poison_most / 2, poison, poison_most / 2);
    }
}

bool is_poison(const char *from, const char *to) {
    return std::all_of(from, to, [](char c) { return (unsigned char)c == poison; });
}

} // namespace

// ---- Addresses

Arena::~Arena() {
    if (start)
        munmap(start, bytes);
}

ck_address Arena::reserve(size_t size, size_t mapped) {
    if (!start) {
        void *memory = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (memory == MAP_FAILED)
            return 0;
        start = (char *)memory;
    }
    if (mapped > bytes - used)
        return 0;
    // The end of the array lies against the next, closed page, as far as its alignment allows.
    size_t slack = (mapped - (size_t)getpagesize()) - round_up(size, granule);
    ck_address address = (ck_address)(start + used + slack);
    used += mapped;
    return address;
}

Allocation *Machine::find(Device &device, ck_address address) {
    auto after = device.allocations.upper_bound(address);
    if (after == device.allocations.begin())
        return nullptr;
    Allocation &allocation = std::prev(after)->second;
    return address - allocation.base < allocation.bytes ? &allocation : nullptr;
}

char *Allocation::pages() const { return (char *)base + round_up(bytes, granule) - mapped; }

void Allocation::open() {
    mprotect(pages(), mapped, PROT_READ | PROT_WRITE);
    fill((char *)base, bytes);
    surround();
    live = true;
}

void Allocation::close() {
    // The contents are gone with the pages.
    madvise(pages(), mapped, MADV_DONTNEED);
    mprotect(pages(), mapped, PROT_NONE);
    live = false;
}

bool Allocation::is_intact() const {
    const char *start = pages(), *array = (const char *)base;
    return is_poison(start, array) && is_poison(array + bytes, start + mapped);
}

void Allocation::surround() {
    char *array = (char *)base;
    memset(pages(), poison, (size_t)(array - pages()));
    memset(array + bytes, poison, (size_t)(pages() + mapped - (array + bytes)));
}

// ---- Lifetimes

void Machine::touch(Device &device, const Stream &stream, const Clock &clock, const Work &work) {
    for (const Touch &touch : work.touches) {
        Allocation *allocation = find(device, touch.address);
        if (!allocation || allocation->of_graph)
            continue;
        size_t number = stream.number;
        if (allocation->freed)
            violate("%s on stream %zu uses %zu bytes of memory at %#llx after they were freed", work.name, number,
                    allocation->bytes, allocation->base);
        else if (clock.of(allocation->stream) < allocation->tick)
            violate("%s on stream %zu uses %zu bytes of memory that stream %zu allocates, without waiting for it",
                    work.name, number, allocation->bytes, allocation->stream);
        allocation->uses[number] = clock.of(number);
    }
}

int Machine::check_live(Device &device, const char *what, ck_address address, size_t bytes) {
    Allocation *allocation = find(device, address);
    if (!allocation || bytes > allocation->bytes - (address - allocation->base)) {
        violate("%s: %zu bytes at %#llx are not in memory", what, bytes, address);
        return CK_CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    if (!allocation->live) {
        violate("%s ran when its memory of %zu bytes at %#llx was %s", what, allocation->bytes, allocation->base,
                allocation->freed ? "freed" : "not yet allocated");
        return CK_CUDA_ERROR_ILLEGAL_ADDRESS;
    }
    return 0;
}

bool Machine::is_pinned(const void *host) const {
    auto after = pinned.upper_bound((const char *)host);
    if (after == pinned.begin())
        return false;
    const auto &[base, bytes] = *std::prev(after);
    return (size_t)((const char *)host - base) < bytes;
}

// ---- Pool

int cuMemGetInfo_v2(Machine &machine, size_t *free, size_t *total) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    uint64_t gone = device->taken + device->pool.held;
    *total = device->memory_bytes;
    *free = gone < device->memory_bytes ? device->memory_bytes - gone : 0;
    return 0;
}

int cuDeviceGetDefaultMemPool(Machine &machine, CUmemoryPool *pool, int number) {
    if (!machine.initialized)
        return error_not_initialized;
    if (number < 0 || (size_t)number >= machine.devices.size())
        return CK_CUDA_ERROR_INVALID_DEVICE;
    if (!machine.config.memory_pools)
        return error_not_supported;
    *pool = (CUmemoryPool)&machine.devices[(size_t)number]->pool;
    return 0;
}

static Device *device_of(Machine &machine, CUmemoryPool pool) {
    for (const auto &device : machine.devices)
        if ((CUmemoryPool)&device->pool == pool)
            return device.get();
    return nullptr;
}

int cuMemPoolTrimTo(Machine &machine, CUmemoryPool pool, size_t keep) {
    Device *device = device_of(machine, pool);
    if (!device)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (device->error)
        return device->error;
    if (int error = machine.refuse_in_capture("cuMemPoolTrimTo"))
        return error;
    device->pool.release(keep);
    return 0;
}

/// An error where allocating and freeing in stream order is forbidden now.
static int check_pool(Machine &machine, const Stream &stream, const char *function) {
    if (!machine.config.memory_pools)
        return error_not_supported;
    if (!stream.capture || machine.config.allocation_in_capture)
        return 0;
    machine.violate("%s while a graph is recorded", function);
    stream.capture->invalid = true;
    return error_capture_unsupported;
}

/// Memory that nobody may touch yet; NULL where there is none left. It does not move.
static Allocation *take_memory(Device &device, size_t bytes) {
    Pool &pool = device.pool;
    size_t counted = round_up(bytes, granule);
    if (counted < bytes || device.taken + pool.used + counted > device.memory_bytes)
        return nullptr;
    size_t page = (size_t)getpagesize(), mapped = round_up(counted, page) + page;
    ck_address base = device.arena.reserve(bytes, mapped);
    if (!base)
        return nullptr;
    pool.used += counted;
    pool.peak = std::max(pool.peak, pool.used);
    pool.held = std::max(pool.held, pool.used);
    Allocation &allocation = device.allocations[base];
    allocation.base = base;
    allocation.bytes = bytes;
    allocation.mapped = round_up(counted, page);
    return &allocation;
}

/// What `address` is the begin of; NULL, and a violation, where it is nothing's.
static Allocation *memory_to_free(Machine &machine, Device &device, ck_address address, const char *function) {
    Allocation *allocation = machine.find(device, address);
    if (allocation && allocation->base == address && !allocation->freed)
        return allocation;
    machine.violate("%s: %#llx %s", function, address,
                    allocation && allocation->base == address ? "is freed twice" : "was never allocated");
    return nullptr;
}

static void close_memory(Machine &machine, Allocation &allocation) {
    if (!allocation.is_intact())
        machine.violate("something was written around %zu bytes of memory at %#llx", allocation.bytes,
                        allocation.base);
    allocation.close();
}

int cuMemAllocAsync(Machine &machine, ck_address *address, size_t bytes, CUstream handle) {
    Device *device;
    Stream *stream;
    if (int error = machine.stream(handle, device, stream))
        return error;
    if (!address || !bytes)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (int error = check_pool(machine, *stream, "cuMemAllocAsync"))
        return error;
    Allocation *kept = take_memory(*device, bytes);
    if (!kept)
        return CK_CUDA_ERROR_OUT_OF_MEMORY;
    kept->of_graph = stream->capture != nullptr;
    int error = machine.submit(*stream, {"cuMemAllocAsync", {}, 0.001, [kept] {
                                             kept->open();
                                             return 0;
                                         }});
    kept->stream = stream->number;
    kept->tick = stream->tick;
    *address = kept->base;
    return error;
}

int cuMemAlloc_v2(Machine &machine, ck_address *address, size_t bytes) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    if (!address || !bytes)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (int error = machine.refuse_in_capture("cuMemAlloc"))
        return error;
    Allocation *allocation = take_memory(*device, bytes);
    if (!allocation)
        return CK_CUDA_ERROR_OUT_OF_MEMORY;
    allocation->open();
    *address = allocation->base;
    return 0;
}

int cuMemFree_v2(Machine &machine, ck_address address) {
    Device *device = nullptr;
    int broken = machine.context(device);
    if (broken && (!device || !device->error))
        return broken;
    if (int error = machine.refuse_in_capture("cuMemFree"))
        return error;
    Allocation *allocation = memory_to_free(machine, *device, address, "cuMemFree");
    if (!allocation)
        return CK_CUDA_ERROR_INVALID_VALUE;
    // It waits for all that may use the memory.
    machine.run_all();
    allocation->freed = true;
    device->pool.used -= round_up(allocation->bytes, granule);
    if (!broken)
        close_memory(machine, *allocation);
    return broken;
}

int cuMemFreeAsync(Machine &machine, ck_address address, CUstream handle) {
    Device *device;
    Stream *stream;
    int broken = machine.stream(handle, device, stream);
    if (broken && (!stream || !device->error))
        return broken;
    Allocation *allocation = memory_to_free(machine, *device, address, "cuMemFreeAsync");
    if (!allocation)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (int error = check_pool(machine, *stream, "cuMemFreeAsync"))
        return error;
    allocation->freed = true;
    device->pool.used -= round_up(allocation->bytes, granule);
    if (broken)
        return broken;
    Machine *kept_machine = &machine;
    int error = machine.submit(*stream, {"cuMemFreeAsync", {}, 0.001, [allocation, kept_machine] {
                                             close_memory(*kept_machine, *allocation);
                                             return 0;
                                         }});
    if (allocation->of_graph)
        return error;
    if (stream->clock.of(allocation->stream) < allocation->tick)
        machine.violate("cuMemFreeAsync on stream %zu does not wait for the allocation of %zu bytes on stream %zu",
                        stream->number, allocation->bytes, allocation->stream);
    for (const auto &[user, tick] : allocation->uses)
        if (stream->clock.of(user) < tick)
            machine.violate("cuMemFreeAsync on stream %zu of %zu bytes that stream %zu may still use", stream->number,
                            allocation->bytes, user);
    return error;
}

// ---- Pinned memory

int cuMemAllocHost_v2(Machine &machine, void **host, size_t bytes) {
    Device *device;
    if (int error = machine.context(device))
        return error;
    if (!host || !bytes)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (int error = machine.refuse_in_capture("cuMemAllocHost"))
        return error;
    size_t page = (size_t)getpagesize();
    void *memory = aligned_alloc(page, round_up(bytes, page));
    if (!memory)
        return CK_CUDA_ERROR_OUT_OF_MEMORY;
    memset(memory, poison, round_up(bytes, page));
    machine.pinned[(const char *)memory] = bytes;
    *host = memory;
    return 0;
}

int cuMemFreeHost(Machine &machine, void *host) {
    Device *device = nullptr;
    int broken = machine.context(device);
    if (broken && (!device || !device->error))
        return broken;
    auto found = machine.pinned.find((const char *)host);
    if (found == machine.pinned.end()) {
        machine.violate("cuMemFreeHost of what is not pinned memory, or no longer");
        return CK_CUDA_ERROR_INVALID_VALUE;
    }
    if (int error = machine.refuse_in_capture("cuMemFreeHost"))
        return error;
    const char *base = found->first;
    size_t bytes = found->second;
    auto in_block = [&](const Work &work) {
        return work.host && (size_t)((const char *)work.host - base) < bytes && (const char *)work.host >= base;
    };
    for (const Stream *stream : machine.queues)
        for (const auto &operation : stream->queue)
            if (!broken && in_block(operation->work))
                machine.violate("cuMemFreeHost of %zu bytes that %s on stream %zu has yet to copy", bytes,
                                operation->work.name, stream->number);
    machine.run_all();
    machine.pinned.erase(found);
    free(host);
    return broken;
}

// ---- Copies

/// An error where a range of device memory does not exist at the call.
static int check_known(Machine &machine, Device &device, const char *what, ck_address address, size_t bytes) {
    Allocation *allocation = machine.find(device, address);
    if (allocation && bytes <= allocation->bytes - (address - allocation->base))
        return 0;
    machine.violate("%s: %zu bytes at %#llx %s", what, bytes, address,
                    allocation ? "reach past the end of their array" : "are not memory of the GPU");
    return CK_CUDA_ERROR_INVALID_VALUE;
}

int cuMemcpyHtoDAsync_v2(Machine &machine, ck_address to, const void *from, size_t bytes, CUstream handle) {
    const char *name = "cuMemcpyHtoDAsync";
    Device *device;
    Stream *stream;
    if (int error = machine.stream(handle, device, stream))
        return error;
    if (!bytes)
        return 0;
    if (!from)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (int error = check_known(machine, *device, name, to, bytes))
        return error;
    std::shared_ptr<std::vector<char>> snapshot;
    const void *source = from;
    bool is_pinned = machine.is_pinned(from);
    if (!is_pinned && stream->capture) {
        machine.violate("%s from pageable memory in a graph: every launch would read it", name);
    } else if (!is_pinned) {
        snapshot = std::make_shared<std::vector<char>>((const char *)from, (const char *)from + bytes);
        source = snapshot->data();
    }
    return machine.submit(*stream, {name,
                                    {{to, bytes}},
                                    (double)bytes / host_copy_bytes,
                                    [=, &machine, keep = snapshot] {
                                        if (int error = machine.check_live(*device, name, to, bytes))
                                            return error;
                                        memcpy((void *)to, source, bytes);
                                        return 0;
                                    },
                                    is_pinned ? from : nullptr});
}

int cuMemcpyDtoHAsync_v2(Machine &machine, void *to, ck_address from, size_t bytes, CUstream handle) {
    const char *name = "cuMemcpyDtoHAsync";
    Device *device;
    Stream *stream;
    if (int error = machine.stream(handle, device, stream))
        return error;
    if (!bytes)
        return 0;
    if (!to)
        return CK_CUDA_ERROR_INVALID_VALUE;
    if (int error = check_known(machine, *device, name, from, bytes))
        return error;
    bool is_pinned = machine.is_pinned(to);
    if (!is_pinned && stream->capture)
        machine.violate("%s to pageable memory in a graph: every launch would write it", name);
    return machine.submit(*stream, {name,
                                    {{from, bytes}},
                                    (double)bytes / host_copy_bytes,
                                    [=, &machine] {
                                        if (int error = machine.check_live(*device, name, from, bytes))
                                            return error;
                                        memcpy(to, (const void *)from, bytes);
                                        return 0;
                                    },
                                    is_pinned ? to : nullptr});
}

int cuMemcpyDtoDAsync_v2(Machine &machine, ck_address to, ck_address from, size_t bytes, CUstream handle) {
    const char *name = "cuMemcpyDtoDAsync";
    Device *device;
    Stream *stream;
    if (int error = machine.stream(handle, device, stream))
        return error;
    if (!bytes)
        return 0;
    if (int error = check_known(machine, *device, name, to, bytes))
        return error;
    if (int error = check_known(machine, *device, name, from, bytes))
        return error;
    if (from < to + bytes && to < from + bytes)
        machine.violate("%s: source and destination overlap", name);
    return machine.submit(*stream,
                          {name, {{to, bytes}, {from, bytes}}, (double)bytes / device_copy_bytes, [=, &machine] {
                               if (int error = machine.check_live(*device, name, from, bytes))
                                   return error;
                               if (int error = machine.check_live(*device, name, to, bytes))
                                   return error;
                               memmove((void *)to, (const void *)from, bytes);
                               return 0;
                           }});
}

int cuMemsetD8Async(Machine &machine, ck_address to, unsigned char value, size_t bytes, CUstream handle) {
    const char *name = "cuMemsetD8Async";
    Device *device;
    Stream *stream;
    if (int error = machine.stream(handle, device, stream))
        return error;
    if (!bytes)
        return 0;
    if (int error = check_known(machine, *device, name, to, bytes))
        return error;
    return machine.submit(*stream, {name, {{to, bytes}}, (double)bytes / device_copy_bytes, [=, &machine] {
                                        if (int error = machine.check_live(*device, name, to, bytes))
                                            return error;
                                        memset((void *)to, value, bytes);
                                        return 0;
                                    }});
}

} // namespace fake
