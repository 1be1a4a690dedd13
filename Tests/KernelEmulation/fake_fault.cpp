// A kernel that reaches outside its arrays: the page is opened for it, so that it can go on, and closed again when it
// has ended; the address is remembered.

#include "fake_machine.h"

#include <algorithm>
#include <atomic>
#include <csignal>
#include <sys/mman.h>
#include <unistd.h>

namespace fake {

namespace {

constexpr size_t most_arenas = 256;
constexpr size_t most_faults = 64;

/// Addresses of a device; what the signal handler reads and writes.
struct Watch {
    std::atomic<uintptr_t> start{0};
    std::atomic<bool> open{false}; ///< a kernel runs
    std::atomic<size_t> count{0};
    uintptr_t faults[most_faults];
};
Watch watches[most_arenas];
std::mutex watches_mutex;

uintptr_t page_bytes;
struct sigaction previous_segv, previous_bus;

void handle(int number, siginfo_t *information, void *) {
    uintptr_t address = (uintptr_t)information->si_addr;
    for (Watch &watch : watches) {
        uintptr_t start = watch.start;
        if (!start || address - start >= Arena::bytes || !watch.open)
            continue;
        size_t place = watch.count++;
        if (place < most_faults)
            watch.faults[place] = address;
        mprotect((void *)(address / page_bytes * page_bytes), page_bytes, PROT_READ | PROT_WRITE);
        return;
    }
    // Not ours: the instruction runs again and meets the handler that was there before.
    sigaction(number, number == SIGSEGV ? &previous_segv : &previous_bus, nullptr);
}

void install() {
    page_bytes = (uintptr_t)getpagesize();
    struct sigaction action = {};
    action.sa_sigaction = handle;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigaction(SIGSEGV, &action, &previous_segv);
    sigaction(SIGBUS, &action, &previous_bus);
}

Watch *watch_of(const Arena &arena) {
    for (Watch &watch : watches)
        if (arena.start && watch.start == (uintptr_t)arena.start)
            return &watch;
    return nullptr;
}

} // namespace

void Arena::watch() const {
    static std::once_flag installed;
    std::call_once(installed, install);
    std::lock_guard lock(watches_mutex);
    for (Watch &watch : watches) {
        if (!watch.start) {
            watch.count = 0;
            watch.open = false;
            watch.start = (uintptr_t)start;
            return;
        }
    }
}

void Arena::unwatch() const {
    std::lock_guard lock(watches_mutex);
    if (Watch *watch = watch_of(*this))
        watch->start = 0;
}

void Arena::begin_kernel() const {
    if (Watch *watch = watch_of(*this)) {
        watch->count = 0;
        watch->open = true;
    }
}

std::vector<ck_address> Arena::end_kernel() const {
    std::vector<ck_address> faults;
    Watch *watch = watch_of(*this);
    if (!watch)
        return faults;
    watch->open = false;
    size_t count = std::min(watch->count.load(), most_faults);
    for (size_t i = 0; i < count; i++) {
        void *page = (void *)(watch->faults[i] / page_bytes * page_bytes);
        madvise(page, page_bytes, MADV_DONTNEED);
        mprotect(page, page_bytes, PROT_NONE);
        faults.push_back(watch->faults[i]);
    }
    return faults;
}

int Machine::report_accesses(Device &device, const char *kernel, const std::vector<Touch> &touches,
                             const std::vector<ck_address> &faults) {
    int error = 0;
    for (ck_address address : faults) {
        error = CK_CUDA_ERROR_ILLEGAL_ADDRESS;
        auto after = device.allocations.upper_bound(address);
        if (after == device.allocations.begin()) {
            violate("%s reaches for %#llx, before all memory", kernel, address);
            continue;
        }
        const Allocation &allocation = std::prev(after)->second;
        if (address - allocation.base < allocation.bytes)
            violate("%s reaches for memory at %#llx, %s", kernel, address,
                    allocation.freed ? "which was freed" : "which is not yet allocated");
        else
            violate("%s reaches for %#llx, %llu bytes past the end of %zu bytes of memory at %#llx", kernel, address,
                    address - allocation.base - allocation.bytes, allocation.bytes, allocation.base);
    }
    for (const Touch &touch : touches) {
        Allocation *allocation = find(device, touch.address);
        if (allocation && allocation->live && !allocation->is_intact()) {
            error = CK_CUDA_ERROR_ILLEGAL_ADDRESS;
            violate("%s writes beside %zu bytes of memory at %#llx", kernel, allocation->bytes, allocation->base);
            allocation->surround();
        }
    }
    return error;
}

} // namespace fake
